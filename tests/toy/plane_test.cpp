// The problem in the plane: its derivatives, and where methods end on it. The losses and their
// derivatives are written out here a second time, by hand, which also makes 100,000 steps quick.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/balancers/famo.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/optim.h>
#include <taskgrad/toy/comparison.h>
#include <taskgrad/toy/plane.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>

namespace taskgrad::toy {
namespace {

using Pair = std::array<double, 2>;

struct Point {
  Pair loss;
  std::array<Pair, 2> slope;  // of each loss
};

Point at(double x, double y, double first_scale) {
  const double t = std::tanh(-y);  // dt/dy = -(1 - t^2)
  const double half = std::tanh(0.5 * y);
  const double c1 = std::max(half, 0.0);
  const double c2 = std::max(-half, 0.0);
  const double dc1 = half >= 0 ? 0.5 * (1 - half * half) : 0.0;
  const double dc2 = half <= 0 ? -0.5 * (1 - half * half) : 0.0;
  const double u[] = {0.5 * (-x - 7) - t, 0.5 * (-x + 3) + t + 2};
  const double du[] = {1 - t * t, -(1 - t * t)};
  const double shift[] = {7, -7};
  Point p;
  for (std::size_t i = 0; i < 2; ++i) {
    const double f = std::log(std::max(std::abs(u[i]), 5e-6)) + 6;
    const bool free = std::abs(u[i]) > 5e-6;
    const double fx = free ? -0.5 / u[i] : 0.0;
    const double fy = free ? du[i] / u[i] : 0.0;
    const double q = ((-x + shift[i]) * (-x + shift[i]) + 0.1 * (-y - 8) * (-y - 8)) / 10 - 20;
    const double qx = (x - shift[i]) / 5;
    const double qy = 0.1 * (y + 8) / 5;
    const double scale = i == 0 ? first_scale : 1.0;
    p.loss[i] = scale * (c1 * f + c2 * q);
    p.slope[i] = {scale * (c1 * fx + c2 * qx), scale * (dc1 * f + c1 * fy + dc2 * q + c2 * qy)};
  }
  return p;
}

TEST_CASE("plane: losses and gradients are the formulas, on both sides and on the kink") {
  for (const Pair point : {Pair{-8.5, 7.5}, {-8.5, -5.0}, {0, 0}, {9, 9}, {10, -8}, {-7.5, -0.5}}) {
    const nn::MultiTask model = point_model(point[0], point[1]);
    const Var position = model.shared()[0].parameter.value();
    const List<Var> losses = plane_losses(model(constant(0.0, DType::f64))[0], 0.1);
    const Point expected = at(point[0], point[1], 0.1);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(losses[i].item() == doctest::Approx(expected.loss[i]).epsilon(1e-13));
      const std::vector<double> slope = grad(losses[i], position).value().values();
      CHECK(slope[0] == doctest::Approx(expected.slope[i][0]).epsilon(1e-12));
      CHECK(slope[1] == doctest::Approx(expected.slope[i][1]).epsilon(1e-12));
    }
  }
}

struct End {
  Pair loss;
  double x;
  double mean() const { return 0.5 * (loss[0] + loss[1]); }
};

// Adam from `start` along the direction of a method that weighs by the Gramian.
End descend(const std::string& name, Pair start, double first_scale, int steps) {
  const std::unique_ptr<Balancer> made = name == "mean" ? nullptr : make_balancer(name, 2);
  auto* method = dynamic_cast<Aggregator*>(made.get());
  Present present;
  present.tasks = {0, 1};
  present.losses = {1, 1};
  Pair z = start;
  Pair m{};
  Pair v{};
  double first = 1;
  double second = 1;
  for (int t = 0; t < steps; ++t) {
    const Point p = at(z[0], z[1], first_scale);
    Matrix gramian(2, 2);
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t j = 0; j < 2; ++j) {
        gramian(int(i), int(j)) = p.slope[i][0] * p.slope[j][0] + p.slope[i][1] * p.slope[j][1];
      }
    }
    const Vec a = method == nullptr ? Vec{0.5, 0.5} : method->gramian_weights(gramian, present);
    first *= 0.9;
    second *= 0.999;
    for (std::size_t k = 0; k < 2; ++k) {
      const double g = a[0] * p.slope[0][k] + a[1] * p.slope[1][k];
      m[k] = 0.9 * m[k] + 0.1 * g;
      v[k] = 0.999 * v[k] + 0.001 * g * g;
      z[k] -= 1e-3 * (m[k] / (1 - first)) / (std::sqrt(v[k] / (1 - second)) + 1e-8);
    }
  }
  return {at(z[0], z[1], first_scale).loss, z[0]};
}

constexpr double kWithin = 0.01;
constexpr double kDigit = 0.006;  // of values given to two digits behind the point

struct EndMean {
  std::string method;
  Pair start;
  double mean;
};

// Ends of an independent implementation (another program, in f64), for mean losses: of those that a
// change of the start by 1e-12 moves by less than 1 %. Plain descent where it is stuck, PCGrad from
// the left and the right, and MGDA cross valleys of the logarithm whose bottom is rounding, and end
// elsewhere after each such change.
TEST_CASE("plane: where methods end after 100,000 steps, both losses of one scale") {
  const EndMean ends[] = {
      {"mean", {0, 0}, -15.0916},
      {"pcgrad", {0, 0}, -15.0916},
      {"cagrad", {-8.5, 7.5}, -15.0916},
      {"cagrad", {-8.5, 5}, -15.0916},
      {"cagrad", {0, 0}, -15.0916},
      {"cagrad", {9, 9}, -15.0916},
      {"nash_mtl", {-8.5, 7.5}, -14.26},
      {"nash_mtl", {-8.5, 5}, -14.42},
      {"nash_mtl", {0, 0}, -15.0916},
      {"nash_mtl", {9, 9}, -14.29},
      {"imtl_g", {-8.5, 7.5}, -14.56},
      {"imtl_g", {-8.5, 5}, -14.56},
      {"imtl_g", {0, 0}, -15.0916},
      {"imtl_g", {9, 9}, -14.60},
      {"aligned_mtl", {-8.5, 7.5}, -15.0916},
      {"aligned_mtl", {-8.5, 5}, -15.0916},
      {"aligned_mtl", {0, 0}, -15.0916},
      {"aligned_mtl", {9, 9}, -15.0916},
  };
  for (const auto& [its_method, its_start, mean] : ends) {
    const auto& method = its_method;  // clang 14 captures no bindings
    const auto& start = its_start;    // clang 14 captures no bindings
    CAPTURE(method);
    CAPTURE(start[0]);
    CAPTURE(start[1]);
    const End end = descend(method, start, 1, 100'000);
    CAPTURE(end.x);
    CHECK(std::abs(end.mean() - mean) <= kWithin * std::abs(mean));
  }
}

TEST_CASE("plane: plain descent is stuck from three starts, pcgrad and mgda reach the front") {
  for (const Pair start : {Pair{-8.5, 7.5}, {-8.5, 5}, {9, 9}}) {
    CAPTURE(start[0]);
    CHECK(descend("mean", start, 1, 100'000).mean() > 0);
    for (const char* method : {"pcgrad", "mgda"}) {
      CAPTURE(method);
      const End end = descend(method, start, 1, 100'000);
      // On the segment y = -8.3552 the mean loss is -15.0916 + x^2/10.
      CHECK(end.mean() == doctest::Approx(-15.0916 + end.x * end.x / 10).epsilon(1e-3));
      CHECK(std::abs(end.x) <= 7.01);
    }
  }
}

// Rescaling a loss does not change Nash-MTL's direction, so the first loss times a tenth ends at
// the same points: an end that another implementation gives for (0, 0), x = -1.37, must have a
// ridge in it.
TEST_CASE("plane: nash_mtl goes the same way whatever the scale of a loss") {
  for (const Pair start : {Pair{-8.5, 7.5}, {0, 0}, {9, 9}, {-7.5, -0.5}}) {
    CAPTURE(start[0]);
    const End one = descend("nash_mtl", start, 1, 35'000);
    const End tenth = descend("nash_mtl", start, 0.1, 35'000);
    CHECK(std::abs(one.x - tenth.x) <= kWithin * std::max(1.0, std::abs(one.x)));
    CHECK(tenth.loss[1] == doctest::Approx(one.loss[1]).epsilon(kWithin));
  }
}

struct EndPair {
  std::string method;
  Pair start;
  Pair losses;
};

TEST_CASE("plane: where methods end after 35,000 steps, the first loss a tenth") {
  const EndPair ends[] = {
      {"mean", {0, 0}, {-0.380, -19.83}},        {"mean", {-7.5, -0.5}, {-0.380, -19.83}},
      {"pcgrad", {0, 0}, {-0.93, -18.66}},       {"pcgrad", {-7.5, -0.5}, {-0.83, -18.98}},
      {"cagrad", {0, 0}, {-0.380, -19.83}},      {"cagrad", {-7.5, -0.5}, {-0.380, -19.83}},
      {"imtl_g", {0, 0}, {-1.51, -15.09}},       {"imtl_g", {9, 9}, {-1.79, -11.09}},
      {"imtl_g", {-7.5, -0.5}, {-0.92, -18.69}}, {"aligned_mtl", {-8.5, 7.5}, {-0.380, -19.83}},
      {"aligned_mtl", {0, 0}, {-0.380, -19.83}}, {"aligned_mtl", {-7.5, -0.5}, {-0.380, -19.83}},
  };
  for (const auto& [its_method, its_start, losses] : ends) {
    const auto& method = its_method;  // clang 14 captures no bindings
    const auto& start = its_start;    // clang 14 captures no bindings
    CAPTURE(method);
    CAPTURE(start[0]);
    CAPTURE(start[1]);
    const End end = descend(method, start, 0.1, 35'000);
    CAPTURE(end.loss[0]);
    CAPTURE(end.loss[1]);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(std::abs(end.loss[i] - losses[i]) <= std::max(kWithin * std::abs(losses[i]), kDigit));
    }
  }
}

// There imtl_g follows a valley whose bottom is rounding: its end moves by some 2 % with the last
// digit of the start or another compiler's order of operations. The middle one of nine is compared.
TEST_CASE("plane: where imtl_g ends from (-8.5, 7.5), the first loss a tenth") {
  std::array<double, 9> first{};
  std::array<double, 9> second{};
  for (std::size_t k = 0; k < first.size(); ++k) {
    const End end = descend("imtl_g", {-8.5 + double(k) * 1e-12, 7.5}, 0.1, 35'000);
    first[k] = end.loss[0];
    second[k] = end.loss[1];
  }
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  CHECK(first[4] == doctest::Approx(-1.15).epsilon(kWithin));
  CHECK(second[4] == doctest::Approx(-17.70).epsilon(kWithin));
}

// FAMO looks at the losses after a step, and needs bounds below them.
List<double> descend_by_famo(const Pair& start, double first_scale, int steps) {
  const nn::MultiTask model = point_model(start[0], start[1]);
  nn::Adam optimizer(model.all(), {.lr = 1e-3});
  Famo method(2, {.gamma = 0, .lower_bounds = {-21 * first_scale, -21}});
  const auto losses = [&] {
    return plane_losses(model.represent(constant(0.0, DType::f64)), first_scale);
  };
  List<double> after(2);
  for (int t = 0; t < steps; ++t) {
    Step step(losses(), model);
    optimizer.step(method.backward(step));
    const NoGrad off;
    const List<Var> found = losses();
    for (std::size_t i = 0; i < 2; ++i) after[i] = found[i].item();
    method.after_step(after);
  }
  return after;
}

TEST_CASE("plane: where famo ends, both losses of one scale") {
  for (const auto& [start, mean] : {std::pair{Pair{-8.5, 7.5}, -15.090},
                                    {{-8.5, 5}, -15.088},
                                    {{0, 0}, -15.0916},
                                    {{9, 9}, -15.091}}) {
    const List<double> end = descend_by_famo(start, 1, 100'000);
    CHECK(std::abs(0.5 * (end[0] + end[1]) - mean) <= kWithin * std::abs(mean));
  }
}

TEST_CASE("plane: where famo ends, the first loss a tenth") {
  for (const auto& [start, losses] : {std::pair{Pair{-8.5, 7.5}, Pair{-1.45, -15.64}},
                                      {{0, 0}, {-1.52, -15.02}},
                                      {{9, 9}, {-1.57, -14.47}},
                                      {{-7.5, -0.5}, {-1.33, -16.63}}}) {
    const List<double> end = descend_by_famo(start, 0.1, 35'000);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(std::abs(end[i] - losses[i]) <= std::max(kWithin * std::abs(losses[i]), kDigit));
    }
  }
}

TEST_CASE("comparison: cost and conflicts of a run are those of the method and the point") {
  std::vector<std::array<double, 2>> seen;
  const Subject subject{
      .model = [] { return point_model(0.5, -3); },
      .losses = [](const nn::MultiTask& model, std::int64_t,
                   int) { return plane_losses(model(constant(0.0, DType::f64))[0]); },
      .metric =
          [](const nn::MultiTask& model) {
            return model.shared()[0].parameter.value().value().values()[1];
          },
      .optimizer =
          [](const nn::MultiTask& model) {
            return std::make_unique<nn::Sgd>(model.all(), nn::SgdOptions{.lr = 0});
          },
      .watch =
          [&](const nn::MultiTask&) {
            seen.push_back({0, 0});
          }};
  const Comparison result = compare("upgrad", {}, subject, 20);
  CHECK(result.error.empty());
  CHECK(result.metric == -3);
  CHECK(result.passes == 2);
  CHECK(result.state == 0);
  CHECK(seen.size() == 21);
  const Point p = at(0.5, -3, 1);
  const double product = p.slope[0][0] * p.slope[1][0] + p.slope[0][1] * p.slope[1][1];
  const double a = std::hypot(p.slope[0][0], p.slope[0][1]);
  const double b = std::hypot(p.slope[1][0], p.slope[1][1]);
  CHECK(result.cosines(0, 1) == doctest::Approx(product / (a * b)).epsilon(1e-12));
  CHECK(result.conflicting == (product < 0 ? 1.0 : 0.0));
  CHECK(result.norm_ratio == doctest::Approx(std::max(a, b) / std::min(a, b)).epsilon(1e-12));
  CHECK(compare("gradvac", {}, subject, 3).state == 8 * 5);
  CHECK(compare("forum", {}, subject, 3).passes == 4);
  const Comparison refused = compare("gls", {}, subject, 3);  // losses are negative here
  CHECK(refused.error.find("losses are positive") != std::string::npos);
  CHECK_THROWS_AS(compare("no_such", {}, subject, 3), ConfigError);
  const std::vector<Comparison> all{result, refused};
  const std::string table = comparison_table(all);
  CHECK(table.find("upgrad") != std::string::npos);
  CHECK(table.find("stopped") != std::string::npos);
}

TEST_CASE("comparison: at least one step") {
  CHECK_THROWS_WITH_AS(compare("equal", {}, {}, 0), "compare: at least one step: 0", ConfigError);
}

TEST_CASE("trajectories_svg: one line and one end a method") {
  const std::vector<Trajectory> ways{{"one", {{0, 0}, {1, 1}}}, {"two", {{2, 2}}}};
  const std::string svg = trajectories_svg(ways, [](double x, double y) { return x * x + y; });
  CHECK(svg.starts_with("<svg"));
  CHECK(svg.ends_with("</svg>\n"));
  std::size_t lines = 0;
  for (std::size_t i = svg.find("<polyline"); i != std::string::npos;
       i = svg.find("<polyline", i + 1)) {
    ++lines;
  }
  CHECK(lines == 2);
  CHECK(svg.find(">two</text>") != std::string::npos);
}

}  // namespace
}  // namespace taskgrad::toy
