// The solvers against NLopt's sequential quadratic programming, which knows nothing of Gramians: no
// objective that it reaches is lower than ours.
#include <taskgrad/balancers/solvers.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include <cmath>
#include <functional>
#include <nlopt.h>
#include <vector>

namespace taskgrad {
namespace {

using test::gramian_of, test::row_table;

double quadratic(const Matrix& m, const Vec& a) { return dot(a, m * a); }

// Value and gradient of an objective.
using Objective = std::function<double(const Vec& x, Vec& gradient)>;

double evaluate(unsigned n, const double* x, double* gradient, void* data) {
  Vec slope(static_cast<int>(n));
  const double value =
      (*static_cast<const Objective*>(data))(Vec(std::span<const double>(x, n)), slope);
  if (gradient != nullptr) std::copy(slope.begin(), slope.end(), gradient);
  return value;
}

double sum_minus_one(unsigned n, const double* x, double* gradient, void*) {
  double total = -1;
  for (unsigned i = 0; i < n; ++i) {
    total += x[i];
    if (gradient != nullptr) gradient[i] = 1;
  }
  return total;
}

// The lowest value found from `start` with x >= lower and, for a simplex, sum x = 1.
double minimum(Objective objective, const Vec& start, const Vec& lower, bool simplex) {
  const auto n = static_cast<unsigned>(start.size());
  nlopt_opt opt = nlopt_create(NLOPT_LD_SLSQP, n);
  nlopt_set_min_objective(opt, evaluate, &objective);
  nlopt_set_lower_bounds(opt, &*lower.begin());
  if (simplex) nlopt_add_equality_constraint(opt, sum_minus_one, nullptr, 1e-12);
  nlopt_set_xtol_rel(opt, 1e-12);
  nlopt_set_maxeval(opt, 2000);
  std::vector<double> x(start.begin(), start.end());
  double value = 0;
  nlopt_optimize(opt, x.data(), &value);  // a stop by rounding has a value as well
  nlopt_destroy(opt);
  Vec ignored(start.size());
  return objective(Vec(std::span<const double>(x)), ignored);
}

// M / trace, on which a general optimizer can be asked to be exact.
std::vector<Matrix> gramians() {
  std::vector<Matrix> all;
  for (const auto& [name, rows] : row_table()) {
    Matrix m = gramian_of(rows);
    const double size = trace(m);
    if (size == 0 || name.starts_with("scaled")) continue;
    for (int i = 0; i < m.rows(); ++i) {
      for (int j = 0; j < m.rows(); ++j) m(i, j) /= size;
    }
    all.push_back(m);
  }
  return all;
}

TEST_CASE("min_norm: NLopt finds nothing shorter, and the same length") {
  for (const Matrix& m : gramians()) {
    const int tasks = m.rows();
    const Objective square = [&](const Vec& a, Vec& gradient) {
      gradient = 2.0 * (m * a);
      return quadratic(m, a);
    };
    const double found = quadratic(m, solvers::min_norm(m));
    const double other = minimum(square, Vec(tasks, 1.0 / tasks), Vec(tasks), true);
    CHECK(found <= other + 1e-12);
    CHECK(found == doctest::Approx(other).epsilon(1e-6).scale(1));
  }
}

TEST_CASE("project_dual_cone: NLopt finds nothing nearer, and the same distance") {
  std::uint64_t draw = 0;
  for (const Matrix& m : gramians()) {
    const Vec u = to_vec(Rng(12).stream(draw++).normal({m.rows()}, 0, 1, DType::f64));
    const Objective square = [&](const Vec& v, Vec& gradient) {
      gradient = 2.0 * (m * v);
      return quadratic(m, v);
    };
    const double found = quadratic(m, solvers::project_dual_cone(m, u));
    const double other = minimum(square, u, u, false);
    CHECK(found <= other + 1e-10);
    CHECK(found == doctest::Approx(other).epsilon(1e-6).scale(1));
  }
}

TEST_CASE("conflict_averse: NLopt finds nothing lower") {
  for (const Matrix& m : gramians()) {
    const int tasks = m.rows();
    const Vec with_mean = m * Vec(tasks, 1.0 / tasks);
    const double radius = 0.5 * std::sqrt(std::max(mean(with_mean), 0.0));
    if (radius < 1e-6) continue;
    const Objective objective = [&](const Vec& a, Vec& gradient) {
      const double norm = std::sqrt(std::max(quadratic(m, a), 1e-300));
      gradient = with_mean + (radius / norm) * (m * a);
      return dot(a, with_mean) + radius * norm;
    };
    Vec ignored(tasks);
    const double found = objective(solvers::conflict_averse(m, radius), ignored);
    const double other = minimum(objective, Vec(tasks, 1.0 / tasks), Vec(tasks), true);
    CHECK(found <= other + (solvers::pareto_stationary(m) ? 1e-6 : 1e-10));
  }
}

TEST_CASE("power_equilibrium: NLopt finds no lower value of the convex objective") {
  int checked = 0;
  for (const double gamma : {0.5, 1.0, 2.0}) {
    for (const Matrix& m : gramians()) {
      if (solvers::pareto_stationary(m)) continue;
      ++checked;
      const Objective objective = [&](const Vec& w, Vec& gradient) {
        gradient = m * w;
        double total = 0.5 * quadratic(m, w);
        for (int i = 0; i < w.size(); ++i) {
          total -= gamma == 1 ? std::log(w[i]) : std::pow(w[i], 1 - gamma) / (1 - gamma);
          gradient[i] -= std::pow(w[i], -gamma);
        }
        return total;
      };
      Vec ignored(m.rows());
      const double found = objective(solvers::power_equilibrium(m, gamma), ignored);
      const double other = minimum(objective, Vec(m.rows(), 1.0), Vec(m.rows(), 1e-9), false);
      CHECK(found <= other + 1e-9 * std::max(1.0, std::abs(other)));
    }
  }
  CHECK(checked > 20);
}

}  // namespace
}  // namespace taskgrad
