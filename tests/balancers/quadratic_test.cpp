// The trajectory problems of the UPGrad paper (Quinton and Rey 2024): pairs of quadratics
// (x - u_i)' A_i (x - u_i) in the plane, plain gradient descent, and the distance to the Pareto
// front { (sum_i w_i A_i)^-1 sum_i w_i A_i u_i } at the end.
#include <taskgrad/balancers/balancer.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include <array>
#include <cmath>
#include <map>
#include <string>

namespace taskgrad {
namespace {

using Pair = std::array<double, 2>;

struct Quadratic {
  double a, b, c;  // A = [[a, b], [b, c]]
  Pair u;
  Pair times(double x, double y) const { return {a * x + b * y, b * x + c * y}; }
};

struct Problem {
  std::string name;
  std::array<Quadratic, 2> losses;
  double lr;
  int steps;
  std::vector<Pair> starts;
  std::map<std::string, double> multipliers;
};

std::vector<Problem> problems() {
  const std::map<std::string, double> usual = {
      {"upgrad", 1},      {"mgda", 2},      {"cagrad", 1},   {"nash_mtl", 2}, {"imtl_g", 1},
      {"aligned_mtl", 4}, {"dual_proj", 1}, {"pcgrad", 0.5}, {"mean", 1}};
  std::map<std::string, double> convex = usual;
  convex["nash_mtl"] = 0.5;
  std::map<std::string, double> scaled = usual;
  scaled["nash_mtl"] = 20;
  scaled["imtl_g"] = 2;
  return {
      {"element-wise",
       {{{1, 0, 0, {0, 0}}, {0, 0, 1, {0, 0}}}},
       0.075,
       50,
       {{3, -2}, {0, -3}, {-4, 4}, {-3, 4}, {-3.5, -0.75}},
       usual},
      {"convex",
       {{{1, 0.2, 0.05, {1, 0}}, {3, -0.6, 0.2, {-1, 0}}}},
       0.125,
       200,
       {{0.5, 0.5}, {-0.3, 7}, {0, 0}},
       convex},
      {"scaled",
       {{{2, -1, 2, {1, 0}}, {20, -10, 20, {-10, 0}}}},
       0.005,
       100,
       {{-6, 4}, {-3, -1.5}, {1.5, 2}, {2.5, 5.5}},
       scaled},
  };
}

double distance_to_front(const Problem& problem, Pair x) {
  double best = 1e300;
  constexpr int kParts = 20'000;
  for (int k = 0; k <= kParts; ++k) {
    const double w[] = {double(k) / kParts, 1 - double(k) / kParts};
    double a = 0, b = 0, c = 0, p = 0, q = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const Quadratic& f = problem.losses[i];
      const Pair au = f.times(f.u[0], f.u[1]);
      a += w[i] * f.a, b += w[i] * f.b, c += w[i] * f.c;
      p += w[i] * au[0], q += w[i] * au[1];
    }
    const double determinant = a * c - b * b;
    if (std::abs(determinant) < 1e-12) continue;
    const double fx = (c * p - b * q) / determinant;
    const double fy = (a * q - b * p) / determinant;
    best = std::min(best, std::hypot(x[0] - fx, x[1] - fy));
  }
  return best;
}

Pair descend(const Problem& problem, const std::string& name, Pair x) {
  const auto made = name == "mean" ? nullptr : make_balancer(name, 2);
  auto* method = dynamic_cast<Aggregator*>(made.get());
  const double lr = problem.lr * problem.multipliers.at(name);
  for (int t = 0; t < problem.steps; ++t) {
    Matrix rows(2, 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const Quadratic& f = problem.losses[i];
      const Pair g = f.times(x[0] - f.u[0], x[1] - f.u[1]);
      for (int k = 0; k < 2; ++k) rows(int(i), k) = 2 * g[std::size_t(k)];
    }
    const Vec a = method == nullptr
                      ? Vec{0.5, 0.5}
                      : method->gramian_weights(test::gramian_of(rows), test::all_present(2));
    for (int k = 0; k < 2; ++k) x[std::size_t(k)] -= lr * (a[0] * rows(0, k) + a[1] * rows(1, k));
  }
  return x;
}

TEST_CASE("quadratics: methods approach the Pareto front") {
  for (const Problem& problem : problems()) {
    for (const auto& [its_name, multiplier] : problem.multipliers) {
      const auto& name = its_name;  // clang 14 captures no bindings
      double before = 0;
      double after = 0;
      for (const Pair& start : problem.starts) {
        before += distance_to_front(problem, start);
        after += distance_to_front(problem, descend(problem, name, start));
      }
      CAPTURE(problem.name);
      CAPTURE(name);
      // MGDA's step is that of the shortest gradient: on the first problem 50 of them go half the
      // way.
      CHECK(after < (name == "mgda" ? 0.55 : 0.25) * before);
    }
  }
}

}  // namespace
}  // namespace taskgrad
