// The equation that defines each method which weighs by the Gramian, its two-task closed form, and
// what it shares with others.
#include <taskgrad/balancers/aligned_mtl.h>
#include <taskgrad/balancers/bargaining.h>
#include <taskgrad/balancers/cagrad.h>
#include <taskgrad/balancers/config.h>
#include <taskgrad/balancers/cr_mogm.h>
#include <taskgrad/balancers/dual_cone.h>
#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/pcgrad.h>
#include <taskgrad/balancers/robust.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include "problem.h"
#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

using test::all_present, test::combination, test::gramian_of, test::length, test::two_rows;

constexpr double kCosines[] = {-0.99, -0.5, 0.0, 0.3, 0.9};

std::vector<Matrix> full_rank_rows(const std::vector<double>& scales = {1, 20, 0.05}) {
  std::vector<Matrix> all;
  for (int tasks = 1; tasks <= 5; ++tasks) {
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      const Rng rng = Rng(71).stream(std::uint64_t(tasks)).stream(draw);
      all.push_back(test::scaled_rows(test::random_rows(tasks, 9, rng), scales));
    }
  }
  return all;
}

Vec weights_of(Aggregator& method, const Matrix& rows, double loss = 1) {
  return method.gramian_weights(gramian_of(rows), all_present(rows.rows(), loss));
}

double row_length(const Matrix& m, int i) { return std::sqrt(m(i, i)); }

double cosine(const Matrix& rows, int i, const Vec& d) {
  double total = 0;
  double square = 0;
  for (int k = 0; k < d.size(); ++k) {
    total += rows(i, k) * d[k];
    square += rows(i, k) * rows(i, k);
  }
  return total / (std::sqrt(square) * length(d));
}

TEST_CASE("pcgrad: two tasks by the formula, sum and mean") {
  for (const double c : kCosines) {
    const Matrix rows = two_rows(2, 3, c);
    const Matrix m = gramian_of(rows);
    PcGrad sum_of;
    PcGrad mean_of({.reduction = nn::Reduction::mean});
    const Vec a = weights_of(sum_of, rows);
    const Vec b = weights_of(mean_of, rows);
    for (int i = 0; i < 2; ++i) {
      const double expected = 1 - std::min(0.0, m(0, 1)) / m(i, i);
      CHECK(a[i] == doctest::Approx(expected).epsilon(1e-14));
      CHECK(b[i] == doctest::Approx(expected / 2).epsilon(1e-14));
    }
  }
}

// Written with the gradients themselves, in every order of the others: one of the sums must be it.
TEST_CASE("pcgrad: three tasks are projected in some order of the others, off the original ones") {
  PcGrad method;
  bool orders_differ = false;
  Vec previous;
  for (int draw = 0; draw < 20; ++draw) {
    const Matrix rows = test::stationary_rows(3, 4, Rng(5));
    const Vec d = combination(rows, weights_of(method, rows));
    double best = 1e300;
    for (int choice = 0; choice < 8; ++choice) {
      Vec total(4);
      for (int i = 0; i < 3; ++i) {
        Vec g(4);
        for (int k = 0; k < 4; ++k) g[k] = rows(i, k);
        int order[] = {(i + 1) % 3, (i + 2) % 3};
        if (choice >> i & 1) std::swap(order[0], order[1]);
        for (const int j : order) {
          Vec other(4);
          for (int k = 0; k < 4; ++k) other[k] = rows(j, k);
          if (dot(g, other) < 0) g = g - (dot(g, other) / dot(other, other)) * other;
        }
        total = total + g;
      }
      best = std::min(best, length(total - d));
    }
    CHECK(best < 1e-12);
    orders_differ = orders_differ || (!previous.empty() && length(previous - d) > 1e-6);
    previous = d;
  }
  CHECK(orders_differ);
}

// The first corrected gradient of two: g_1' = g_1 + a_2 g_2.
TEST_CASE("gradvac: after a correction the cosine is the target") {
  for (const double c : kCosines) {
    GradVac method(2, {.beta = 0.5});
    static_cast<void>(weights_of(method, two_rows(1, 1, 0.8)));  // targets become 0.4
    const Matrix targets = to_matrix(method.state().tensors.at("targets"));
    CHECK(targets(0, 1) == doctest::Approx(0.4));
    const Matrix rows = two_rows(2, 5, c);
    const Vec total = weights_of(method, rows);  // sum of (1, a) and (b, 1)
    if (c >= 0.4) {
      CHECK(total == Vec{1, 1});
      continue;
    }
    const Vec first = combination(rows, {1, total[1] - 1});
    const Vec second = combination(rows, {total[0] - 1, 1});
    CHECK(cosine(rows, 1, first) == doctest::Approx(0.4).epsilon(1e-12));
    CHECK(cosine(rows, 0, second) == doctest::Approx(0.4).epsilon(1e-12));
    const Matrix moved = to_matrix(method.state().tensors.at("targets"));
    CHECK(moved(0, 1) == doctest::Approx(0.5 * 0.4 + 0.5 * c));
  }
}

TEST_CASE("gradvac: with targets at 0 it is pcgrad") {
  for (const double c : kCosines) {
    GradVac vaccine(2, {.beta = 0});
    PcGrad surgery;
    const Vec a = weights_of(vaccine, two_rows(2, 3, c));
    const Vec b = weights_of(surgery, two_rows(2, 3, c));
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  }
}

TEST_CASE("mgda: d.g_i >= |d|^2, with equality where a_i > 0") {
  for (const Matrix& rows : full_rank_rows()) {
    Mgda method;
    const Matrix m = gramian_of(rows);
    const Vec a = weights_of(method, rows);
    const Vec products = m * a;
    const double square = dot(a, products);
    CHECK(sum(a) == doctest::Approx(1));
    for (int i = 0; i < a.size(); ++i) {
      CHECK(products[i] >= square * (1 - 1e-9));
      if (a[i] > 0) CHECK(products[i] == doctest::Approx(square).epsilon(1e-9));
    }
  }
}

TEST_CASE("mgda: normalised, the conditions hold for the normalised gradients") {
  const Matrix rows = test::scaled_rows(test::random_rows(3, 8, Rng(3)), {1, 30, 0.2});
  Present present = all_present(3);
  present.losses = {0.5, 7, 2};
  const Matrix m = gramian_of(rows);
  using enum MgdaNormalization;
  for (const auto kind : {none, l2, loss, loss_l2}) {
    Mgda method({.normalization = kind});
    const Vec a = method.gramian_weights(m, present);
    Vec divisor(3, 1.0);
    for (int i = 0; i < 3; ++i) {
      if (kind == l2 || kind == loss_l2) divisor[i] *= row_length(m, i);
      if (kind == loss || kind == loss_l2) divisor[i] *= present.losses[i];
    }
    const Matrix scaled = test::scaled_rows(rows, {1 / divisor[0], 1 / divisor[1], 1 / divisor[2]});
    const Vec d = combination(scaled, a);
    for (int i = 0; i < 3; ++i) {
      double along = 0;
      for (int k = 0; k < 8; ++k) along += scaled(i, k) * d[k];
      CHECK(along >= dot(d, d) * (1 - 1e-9));
      if (a[i] > 0) CHECK(along == doctest::Approx(dot(d, d)).epsilon(1e-9));
    }
  }
  present.losses[1] = -1;
  CHECK_THROWS_AS(Mgda({.normalization = loss}).gramian_weights(m, present), NumericError);
}

TEST_CASE("mgda and aligned_mtl: upper bounds take the gradients at the trunk's output") {
  const test::SmallProblem problem(3, 1, 2);
  const Tensor x = Rng(4).uniform({5, 6}, -1, 1, DType::f64);
  const Var z = problem.model.represent(constant(x));
  List<Var> losses;
  for (const Var& prediction : problem.model.predict(z)) {
    losses.push_back(nn::mse(prediction, Rng(losses.size()).uniform({5, 3}, -1, 1, DType::f64)));
  }
  Mgda shortest({.scope = Scope::representation});
  AlignedMtl aligned({.scope = Scope::representation});
  for (Aggregator* method :
       {static_cast<Aggregator*>(&shortest), static_cast<Aggregator*>(&aligned)}) {
    Step step(losses, problem.model, {.representation = z});
    const Gradients update = method->backward(step);
    CHECK(step.backward_passes() == 4);
    const Vec a = method->gramian_weights(step.gramian(Scope::representation), step.present());
    CHECK(test::relative_difference(update, step.combine(a, Vec(3, 1.0))) < 1e-12);
  }
}

TEST_CASE("cagrad: d lies on the ball around the mean, and no point of the ball does better") {
  for (const Matrix& rows : full_rank_rows()) {
    const double c = 0.6;
    CaGrad method({.c = c, .rescale = Rescale::none});
    const Vec mean = combination(rows, Vec(rows.rows(), 1.0 / rows.rows()));
    const Vec d = combination(rows, weights_of(method, rows));
    CHECK(length(d - mean) == doctest::Approx(c * length(mean)).epsilon(1e-9));
    const auto worst = [&](const Vec& x) {
      double least = 1e300;
      for (int i = 0; i < rows.rows(); ++i) {
        double along = 0;
        for (int k = 0; k < x.size(); ++k) along += rows(i, k) * x[k];
        least = std::min(least, along);
      }
      return least;
    };
    const double found = worst(d);
    for (std::uint64_t draw = 0; draw < 200; ++draw) {  // other points of the ball, far and near
      Vec off = to_vec(Rng(9).stream(draw).normal({d.size()}, 0, 1, DType::f64));
      const double reach = (draw % 2 == 0 ? 1.0 : 0.02) * c * length(mean) / length(off);
      Vec other = draw % 2 == 0 ? mean + reach * off : d + reach * off;
      const double outside = length(other - mean) / (c * length(mean));
      if (outside > 1) other = mean + (1 / outside) * (other - mean);
      CHECK(worst(other) <= found + 1e-9 * length(mean) * length(mean));
    }
  }
}

TEST_CASE("cagrad: c = 0 is the mean, a large c is mgda's direction, rescaled by the rule") {
  const Matrix rows = test::random_rows(3, 6, Rng(2));
  CaGrad none({.c = 0});
  CHECK(weights_of(none, rows) == Vec(3, 1.0 / 3));
  CaGrad wide({.c = 1e6, .rescale = Rescale::linear});
  Mgda shortest;
  const Vec d = combination(rows, weights_of(wide, rows));
  const Vec e = combination(rows, weights_of(shortest, rows));
  CHECK(length((1 / length(d)) * d - (1 / length(e)) * e) < 1e-5);
  CaGrad plain({.c = 0.5, .rescale = Rescale::none});
  CaGrad squared({.c = 0.5});
  CaGrad linear({.c = 0.5, .rescale = Rescale::linear});
  const Vec a = weights_of(plain, rows);
  for (int i = 0; i < 3; ++i) {
    CHECK(weights_of(squared, rows)[i] == doctest::Approx(a[i] / 1.25));
    CHECK(weights_of(linear, rows)[i] == doctest::Approx(a[i] / 1.5));
  }
}

TEST_CASE("imtl_g: equal projections on all unit gradients, weights sum to 1") {
  for (const Matrix& rows : full_rank_rows()) {
    ImtlG method;
    const Vec a = weights_of(method, rows);
    CHECK(sum(a) == doctest::Approx(1).epsilon(1e-12));
    const Vec d = combination(rows, a);
    for (int i = 1; i < rows.rows(); ++i) {
      CHECK(cosine(rows, i, d) == doctest::Approx(cosine(rows, 0, d)).epsilon(1e-9));
    }
  }
}

TEST_CASE("imtl_g: two tasks by the formula, up to opposite gradients") {
  for (const double c : {-1.0, -0.99, 0.0, 0.5}) {
    ImtlG method;
    const Vec a = weights_of(method, two_rows(2, 6, c));
    CHECK(a[0] == doctest::Approx(0.75).epsilon(1e-9));
    CHECK(a[1] == doctest::Approx(0.25).epsilon(1e-9));
  }
}

// Two rows whose angle differs from a half turn by `angle`, in no special position.
Matrix nearly_opposite(double ratio, double angle) {
  Matrix rows(2, 2);
  rows(0, 0) = 0.73, rows(0, 1) = 0.31;
  rows(1, 0) = ratio * (-0.73 - angle * 0.31), rows(1, 1) = ratio * (-0.31 + angle * 0.73);
  return rows;
}

TEST_CASE("imtl_g and config: gradients that turn opposite give no noise for a direction") {
  for (const double ratio : {1.0, 3.0, 1e3, 1e-4}) {
    for (int digits = 1; digits <= 17; ++digits) {
      const double angle = std::pow(10.0, -digits);
      const Matrix rows = nearly_opposite(ratio, angle);
      const double other = ratio * std::sqrt(1 + angle * angle);
      ImtlG impartial;
      const Vec a = weights_of(impartial, rows);
      CHECK(a[0] == doctest::Approx(other / (1 + other)).epsilon(1e-6));
      CHECK(a[1] == doctest::Approx(1 / (1 + other)).epsilon(1e-6));
      // ConFIG's d has the length of the sum of projections, which goes to 0 with the cosine.
      ConFig equal_angles;
      const double d = length(combination(rows, weights_of(equal_angles, rows)));
      CHECK(d <= (2 * angle + 1e-5) * (1 + ratio));
    }
  }
}

TEST_CASE("nash_mtl: M w = 1 / w, so that |d|^2 = K") {
  for (const Matrix& rows : full_rank_rows()) {
    NashMtl method;
    const Matrix m = gramian_of(rows);
    const Vec w = weights_of(method, rows);
    const Vec d = combination(rows, w);
    CHECK(dot(d, d) == doctest::Approx(rows.rows()).epsilon(1e-10));
    for (int i = 0; i < w.size(); ++i) {
      CHECK(w[i] > 0);
      CHECK((m * w)[i] * w[i] == doctest::Approx(1).epsilon(1e-10));
    }
  }
}

TEST_CASE("nash_mtl: two tasks by the formula, orthogonal ones, rescaled ones, and the clip") {
  NashMtl method;
  for (const double c : kCosines) {
    const Vec w = weights_of(method, two_rows(2, 0.01, c));
    CHECK(w[0] == doctest::Approx(1 / (2 * std::sqrt(1 + c))).epsilon(1e-10));
    CHECK(w[1] == doctest::Approx(1 / (0.01 * std::sqrt(1 + c))).epsilon(1e-10));
  }
  Matrix axes(3, 3);
  axes(0, 0) = 1e-5, axes(1, 1) = 2, axes(2, 2) = 1e5;
  const Vec w = weights_of(method, axes);
  for (int i = 0; i < 3; ++i) CHECK(w[i] * axes(i, i) == doctest::Approx(1).epsilon(1e-12));

  const Matrix rows = test::random_rows(4, 9, Rng(8));
  const Vec d = combination(rows, weights_of(method, rows));
  const Matrix other = test::scaled_rows(rows, {1e4, 1, 1e-4, 10});
  CHECK(length(combination(other, weights_of(method, other)) - d) < 1e-8 * length(d));
  NashMtl clipped({.max_norm = 1});
  CHECK(length(combination(rows, weights_of(clipped, rows))) == doctest::Approx(1));
}

TEST_CASE("fairgrad: M w = w^(-1/alpha)") {
  for (const double alpha : {0.5, 1.0, 2.0, 5.0}) {
    for (const Matrix& rows : full_rank_rows()) {
      FairGrad method({.alpha = alpha});
      const Matrix m = gramian_of(rows);
      const Vec w = weights_of(method, rows);
      for (int i = 0; i < w.size(); ++i) {
        CHECK(w[i] > 0);
        CHECK((m * w)[i] * std::pow(w[i], 1 / alpha) == doctest::Approx(1).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("fairgrad: alpha = 1 is nash_mtl, 0 is equal weights, large is max-min") {
  const Matrix rows = test::random_rows(3, 6, Rng(4));
  FairGrad one({.alpha = 1});
  NashMtl nash;
  CHECK(length(weights_of(one, rows) - weights_of(nash, rows)) < 1e-10);
  FairGrad zero({.alpha = 0});
  CHECK(weights_of(zero, rows) == Vec(3, 1.0));
  // Max-min over directions of one length is MGDA's, the shortest vector of the hull.
  FairGrad large({.alpha = 1e4});
  Mgda shortest;
  const Vec d = combination(rows, weights_of(large, rows));
  const Vec e = combination(rows, weights_of(shortest, rows));
  CHECK(length((1 / length(d)) * d - (1 / length(e)) * e) < 1e-2);
}

TEST_CASE("fairgrad: all losses scaled by s scale w by s^(-2 alpha / (1 + alpha))") {
  const Matrix rows = test::random_rows(3, 6, Rng(4));
  for (const double alpha : {0.5, 2.0}) {
    FairGrad method({.alpha = alpha});
    const Vec w = weights_of(method, rows);
    const Vec v = weights_of(method, test::scaled_rows(rows, {7}));
    for (int i = 0; i < 3; ++i) {
      CHECK(v[i] / w[i] == doctest::Approx(std::pow(7, -2 * alpha / (1 + alpha))).epsilon(1e-9));
    }
  }
}

TEST_CASE("aligned_mtl: aligned rows are orthogonal and of one length, that of the scaling") {
  // Norms that stay within eps(f32) of each other, below which a direction counts as missing.
  for (const Matrix& rows : full_rank_rows({1, 5, 0.5})) {
    const int tasks = rows.rows();
    const Matrix m = gramian_of(rows);
    for (const auto scale : {AlignedScale::min, AlignedScale::median, AlignedScale::rmse}) {
      const AlignedMtl method({.scale = scale});
      const Matrix b = method.balance(m);
      Matrix aligned(tasks, rows.columns());
      for (int i = 0; i < tasks; ++i) {
        for (int j = 0; j < tasks; ++j) {
          for (int k = 0; k < rows.columns(); ++k) aligned(i, k) += b(i, j) * rows(j, k);
        }
      }
      const Matrix c = gramian_of(aligned);
      for (int i = 0; i < tasks; ++i) {
        for (int j = 0; j < tasks; ++j) {
          CHECK(c(i, j) == doctest::Approx(i == j ? c(0, 0) : 0.0).epsilon(1e-6).scale(c(0, 0)));
        }
      }
      // The mean eigenvalue is the mean square length; the least is at most any row's.
      if (scale == AlignedScale::rmse) CHECK(c(0, 0) == doctest::Approx(trace(m) / tasks));
      for (int i = 0; i < tasks && scale == AlignedScale::min; ++i)
        CHECK(c(0, 0) <= m(i, i) * 1.000001);
    }
  }
}

TEST_CASE(
    "aligned_mtl: of two orthogonal gradients the longer is cut to the shorter, mean of both") {
  AlignedMtl method;
  const Vec a = weights_of(method, two_rows(2, 6, 0));
  CHECK(a[0] == doctest::Approx(0.5));
  CHECK(a[1] == doctest::Approx(0.5 / 3));
}

// v >= u, J d >= 0 and no push from a face that is not touched, for each projection: upgrad's are
// checked through the solver's own test; here d is compared with the mean of its K projections.
TEST_CASE("upgrad: the mean of the projections of each gradient on the dual cone") {
  for (const Matrix& rows : full_rank_rows()) {
    UpGrad method;
    const int tasks = rows.rows();
    const Matrix m = gramian_of(rows);
    const Vec d = combination(rows, weights_of(method, rows));
    Vec expected(d.size());
    for (int i = 0; i < tasks; ++i) {
      Vec unit(tasks);
      unit[i] = 1;
      const Vec v = solvers::project_dual_cone(m, unit);
      const Vec p = combination(rows, v);
      const Vec g = combination(rows, unit);
      // The projection on a cone: p in it, and (g - p).p = 0 with g - p in the polar cone.
      CHECK(dot(g - p, p) == doctest::Approx(0).scale(dot(g, g)).epsilon(1e-9));
      for (int j = 0; j < tasks; ++j) {
        CHECK((m * v)[j] >= -1e-9 * row_length(m, j) * length(g));
        CHECK(v[j] >= unit[j]);
      }
      expected = expected + (1.0 / tasks) * p;
    }
    CHECK(length(d - expected) <= 1e-9 * length(expected));
  }
}

TEST_CASE("upgrad: for two tasks it is pcgrad with the mean") {
  for (const double c : kCosines) {
    UpGrad method;
    PcGrad surgery({.reduction = nn::Reduction::mean});
    const Vec a = weights_of(method, two_rows(2, 7, c));
    const Vec b = weights_of(surgery, two_rows(2, 7, c));
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  }
}

TEST_CASE("dual_proj: the nearest direction to the mean that does not conflict") {
  for (const Matrix& rows : full_rank_rows()) {
    DualProj method;
    const Matrix m = gramian_of(rows);
    const int tasks = rows.rows();
    const Vec v = weights_of(method, rows);
    const Vec d = combination(rows, v);
    const Vec mean = combination(rows, Vec(tasks, 1.0 / tasks));
    CHECK(dot(mean - d, d) == doctest::Approx(0).scale(dot(mean, mean)).epsilon(1e-9));
    for (int j = 0; j < tasks; ++j) {
      CHECK((m * v)[j] >= -1e-9 * row_length(m, j) * length(mean));
      CHECK(v[j] >= 1.0 / tasks);
    }
  }
  DualProj method;  // without a conflict the mean itself
  CHECK(weights_of(method, two_rows(1, 4, 0.2)) == Vec{0.5, 0.5});
}

TEST_CASE("config: one positive cosine to every gradient, length the sum of projections") {
  for (const Matrix& rows : full_rank_rows()) {
    ConFig method;
    const Vec d = combination(rows, weights_of(method, rows));
    double projections = 0;
    for (int i = 0; i < rows.rows(); ++i) {
      CHECK(cosine(rows, i, d) == doctest::Approx(cosine(rows, 0, d)).epsilon(1e-9));
      projections += cosine(rows, i, d) * row_length(gramian_of(rows), i);
    }
    CHECK(cosine(rows, 0, d) > 0);
    CHECK(length(d) == doctest::Approx(projections).epsilon(1e-9));
  }
}

TEST_CASE("krum: the gradient nearest to its neighbours, by squared distances") {
  Matrix rows(5, 1);
  for (const auto& [i, x] : {std::pair{0, 0.0}, {1, 1.0}, {2, 1.2}, {3, 1.3}, {4, 100.0}}) {
    rows(i, 0) = x;
  }
  Krum one({.byzantine = 1});  // 2 neighbours: scores 2.44, 0.13, 0.05, 0.10, 19436.93
  CHECK(weights_of(one, rows) == Vec{0, 0, 1, 0, 0});
  Krum two({.byzantine = 1, .selected = 2});
  CHECK(weights_of(two, rows) == Vec{0, 0, 0.5, 0.5, 0});
  CHECK_THROWS_AS(Krum({.selected = 0}), ConfigError);
}

TEST_CASE("trimmed_mean: each coordinate without its extremes") {
  Matrix rows(4, 2);
  const double values[4][2] = {{1, 5}, {2, -9}, {4, 6}, {100, 7}};
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 2; ++k) rows(i, k) = values[i][k];
  }
  TrimmedMean method;
  CHECK(to_vec(method.direction(to_tensor(rows), all_present(4))) == Vec{3, 5.5});
  TrimmedMean most({.trim = 9});
  CHECK(to_vec(most.direction(to_tensor(rows), all_present(4))) == Vec{3, 5.5});
}

TEST_CASE("cr_mogm: an exponential mean of the weights inside, from 1/K") {
  CrMogm method(2, std::make_unique<Mgda>(), {.momentum = 0.75});
  Vec expected{0.5, 0.5};
  for (const double c : kCosines) {
    const Matrix rows = two_rows(1, 3, c);
    Mgda inner;
    const Vec fresh = weights_of(inner, rows);
    expected = 0.75 * expected + 0.25 * fresh;
    const Vec a = weights_of(method, rows);
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
  CHECK_THROWS_AS(CrMogm(2, nullptr), ConfigError);
}

TEST_CASE("gramian methods: options out of range are refused") {
  CHECK_THROWS_AS(GradVac(2, {.beta = 2}), ConfigError);
  CHECK_THROWS_AS(CaGrad({.c = -1}), ConfigError);
  CHECK_THROWS_AS(NashMtl({.max_norm = -1}), ConfigError);
  CHECK_THROWS_AS(FairGrad({.alpha = -1}), ConfigError);
  CHECK_THROWS_AS(TrimmedMean({.trim = -1}), ConfigError);
  CHECK_THROWS_AS(CrMogm(2, std::make_unique<Mgda>(), {.momentum = 1}), ConfigError);
}

}  // namespace
}  // namespace taskgrad
