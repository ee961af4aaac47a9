// Each solver against its conditions of optimality and against grids. Against NLopt:
// solvers_oracle_test.cpp.
#include <taskgrad/balancers/solvers.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include <algorithm>
#include <functional>

namespace taskgrad {
namespace {

using test::combination, test::gramian_of, test::length, test::row_table;

double quadratic(const Matrix& m, const Vec& a) { return dot(a, m * a); }

double longest_row(const Matrix& m) {
  double longest = 0;
  for (int i = 0; i < m.rows(); ++i) longest = std::max(longest, m(i, i));
  return std::sqrt(longest);
}

// Every point of the simplex whose coordinates are multiples of 1 / parts.
void for_each_on_simplex(int tasks, int parts, const std::function<void(const Vec&)>& f) {
  Vec a(tasks);
  const std::function<void(int, int)> fill = [&](int place, int left) {
    if (place == tasks - 1) {
      a[place] = double(left) / parts;
      f(a);
      return;
    }
    for (int k = 0; k <= left; ++k) {
      a[place] = double(k) / parts;
      fill(place + 1, left - k);
    }
  };
  fill(0, parts);
}

TEST_CASE("project_simplex: the nearest point, by its conditions") {
  const Rng rng(3);
  for (int size = 1; size <= 6; ++size) {
    for (std::uint64_t draw = 0; draw < 20; ++draw) {
      const Vec x =
          to_vec(rng.stream(std::uint64_t(size)).stream(draw).normal({size}, 0, 2, DType::f64));
      for (const double total : {1.0, 3.0}) {
        const Vec p = solvers::project_simplex(x, total);
        CHECK(sum(p) == doctest::Approx(total).epsilon(1e-14));
        double shift = 0;  // x_i - p_i is one number where p_i > 0, and no more elsewhere
        for (int i = 0; i < size; ++i) {
          CHECK(p[i] >= 0);
          if (p[i] > 0) shift = x[i] - p[i];
        }
        for (int i = 0; i < size; ++i) {
          CHECK(x[i] - p[i] <= shift + 1e-12);
          if (p[i] > 0) CHECK(x[i] - p[i] == doctest::Approx(shift).epsilon(1e-12));
        }
      }
    }
  }
  CHECK(solvers::project_simplex({5, 0}) == Vec{1, 0});
}

// (M a)_i >= a'Ma for every i: the hull lies on the far side of the plane through the point.
TEST_CASE("min_norm: the shortest vector of the hull, on every kind of Gramian") {
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    CAPTURE(name);
    const Matrix m = gramian_of(rows);
    const Vec a = solvers::min_norm(m);
    CHECK(sum(a) == doctest::Approx(1).epsilon(1e-12));
    const Vec d = combination(rows, a);
    for (int i = 0; i < a.size(); ++i) {
      CHECK(a[i] >= 0);
      double along = 0;
      for (int k = 0; k < d.size(); ++k) along += rows(i, k) * d[k];
      const double row = std::sqrt(m(i, i));
      CHECK(along >= dot(d, d) - 1e-7 * row * length(d) - 1e-14 * row * longest_row(m));
    }
  }
}

TEST_CASE("min_norm: no point of a grid is shorter") {
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    if (rows.rows() > 3) continue;
    CAPTURE(name);
    const Matrix m = gramian_of(rows);
    const double found = quadratic(m, solvers::min_norm(m));
    double best = found;
    for_each_on_simplex(rows.rows(), 60,
                        [&](const Vec& a) { best = std::min(best, quadratic(m, a)); });
    CHECK(found <= best + 1e-14 * trace(m));
  }
}

TEST_CASE("min_norm: two tasks by the formula, at the borders as well") {
  const auto weight = [](double m11, double m12, double m22) {
    Matrix m(2, 2);
    m(0, 0) = m11, m(1, 1) = m22, m(0, 1) = m(1, 0) = m12;
    return solvers::min_norm(m)[0];
  };
  CHECK(weight(1, 0, 1) == 0.5);
  CHECK(weight(1, 0, 3) == 0.75);
  CHECK(weight(1, 2, 9) == 1);  // public solvers say 0.999
  CHECK(weight(9, 2, 1) == 0);
  CHECK(weight(1, 1, 1) == 0.5);
}

// x >= 0, Qx >= c, and one of both holds with equality.
TEST_CASE("nonnegative_qp: complementary conditions on every kind of Gramian") {
  const Rng rng(5);
  std::uint64_t draw = 0;
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    CAPTURE(name);
    const Matrix q = gramian_of(rows);
    const Vec u = to_vec(rng.stream(draw++).normal({q.rows()}, 0, 1, DType::f64));
    const Vec c = q * u;  // so that a minimum exists
    const Vec x = solvers::nonnegative_qp(q, c);
    for (int i = 0; i < x.size(); ++i) {
      double scale = 0;
      for (int j = 0; j < x.size(); ++j)
        scale += std::abs(q(i, j)) * (std::abs(x[j]) + std::abs(u[j]));
      const double slack = (q * x)[i] - c[i];
      CHECK(x[i] >= 0);
      CHECK(slack >= -1e-9 * scale);
      if (x[i] > 0) CHECK(slack <= 1e-9 * scale);
    }
  }
}

TEST_CASE("project_dual_cone: no direction conflicts, and moving back is impossible") {
  const Rng rng(6);
  std::uint64_t draw = 0;
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    CAPTURE(name);
    const Matrix m = gramian_of(rows);
    const Vec u = to_vec(rng.stream(draw++).normal({m.rows()}, 0, 1, DType::f64));
    const Vec v = solvers::project_dual_cone(m, u);
    const Vec d = combination(rows, v);
    for (int i = 0; i < v.size(); ++i) {
      double along = 0;
      double scale = 0;
      for (int k = 0; k < d.size(); ++k) along += rows(i, k) * d[k];
      for (int j = 0; j < v.size(); ++j)
        scale += (std::abs(v[j]) + std::abs(u[j])) * std::sqrt(m(i, i) * m(j, j));
      CHECK(v[i] >= u[i]);
      CHECK(along >= -1e-9 * scale);                  // in the cone
      if (v[i] > u[i]) CHECK(along <= 1e-9 * scale);  // pushed only by a face it touches
    }
  }
}

TEST_CASE("power_equilibrium: M w = w^(-gamma), and zero at stationary points") {
  for (const double gamma : {0.25, 0.5, 1.0, 2.0}) {
    for (const auto& [its_name, rows] : row_table()) {
      const auto& name = its_name;  // clang 14 captures no bindings
      CAPTURE(name);
      CAPTURE(gamma);
      const Matrix m = gramian_of(rows);
      const Vec w = solvers::power_equilibrium(m, gamma);
      CHECK(all_finite(w));
      List<int> present;
      for (int i = 0; i < m.rows(); ++i) {
        if (m(i, i) > 0) present.push_back(i);
      }
      if (present.empty() || solvers::pareto_stationary(gather(m, present))) {
        CHECK(w == Vec(m.rows()));
        continue;
      }
      for (int i = 0; i < m.rows(); ++i) {
        if (m(i, i) == 0) {
          CHECK(w[i] == 0);
          continue;
        }
        CHECK(w[i] > 0);
        double scale = 0;  // what cancels in (M w)_i
        for (int j = 0; j < w.size(); ++j) scale += std::abs(m(i, j)) * w[j];
        CHECK(std::abs((m * w)[i] - std::pow(w[i], -gamma)) <= 1e-9 * scale);
      }
    }
  }
}

TEST_CASE("conflict_averse: no point of a grid has a lower objective") {
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    if (rows.rows() > 3) continue;
    CAPTURE(name);
    const Matrix m = gramian_of(rows);
    const int tasks = m.rows();
    const Vec with_mean = m * Vec(tasks, 1.0 / tasks);
    for (const double c : {0.1, 0.5, 2.0}) {
      const double radius = c * std::sqrt(mean(with_mean));
      if (radius == 0) continue;
      const auto objective = [&](const Vec& a) {
        return dot(a, with_mean) + radius * std::sqrt(std::max(quadratic(m, a), 0.0));
      };
      const double found = objective(solvers::conflict_averse(m, radius));
      double best = found;
      for_each_on_simplex(tasks, 60, [&](const Vec& a) { best = std::min(best, objective(a)); });
      // A minimum at g_a = 0 is a kink, known as well as a length from its square.
      const double error = solvers::pareto_stationary(m) ? 1e-6 : 1e-9;
      CHECK(found <= best + error * trace(m));
    }
  }
}

TEST_CASE("pareto_stationary: tells rows that cancel from rows that do not") {
  for (const auto& [its_name, rows] : row_table()) {
    const auto& name = its_name;  // clang 14 captures no bindings
    CAPTURE(name);
    const bool stationary = solvers::pareto_stationary(gramian_of(rows));
    if (name.starts_with("stationary") || name.starts_with("zero")) CHECK(stationary);
    if (name == "random 3x12" || name == "scaled 3x12" || name == "duplicated 5x12") {
      CHECK_FALSE(stationary);
    }
  }
}

TEST_CASE("spectrum: A V = V diag(values), the least value first, V'V = 1") {
  const Matrix a = gramian_of(test::random_rows(5, 3, Rng(2)));  // two values are 0
  const auto& [values, vectors] = solvers::spectrum(a);
  for (int k = 0; k < 5; ++k) {
    if (k > 0) CHECK(values[k - 1] <= values[k]);
    Vec v(5);
    for (int i = 0; i < 5; ++i) v[i] = vectors(i, k);
    const Vec av = a * v;
    for (int i = 0; i < 5; ++i) CHECK(av[i] == doctest::Approx(values[k] * v[i]).epsilon(1e-12));
    for (int j = 0; j <= k; ++j) {
      double product = 0;
      for (int i = 0; i < 5; ++i) product += vectors(i, j) * v[i];
      CHECK(product == doctest::Approx(j == k ? 1.0 : 0.0).epsilon(1e-12));
    }
  }
  CHECK(std::abs(values[1]) < 1e-12);
  CHECK(values[2] > 1e-3);
}

TEST_CASE("definite_inverse_times: solves, and says by its emptiness that A is not definite") {
  const Matrix a = gramian_of(test::random_rows(4, 6, Rng(3)));
  const Vec x{1, -2, 0.5, 3};
  const Vec back = a * solvers::definite_inverse_times(a, x);
  for (int i = 0; i < 4; ++i) CHECK(back[i] == doctest::Approx(x[i]).epsilon(1e-10));
  Matrix indefinite(2, 2);
  indefinite(0, 1) = indefinite(1, 0) = 1;
  CHECK(solvers::definite_inverse_times(indefinite, {1, 1}).empty());
}

TEST_CASE("pseudo_inverse_times: solves, and in the range alone") {
  const Matrix rows = test::random_rows(4, 2, Rng(1));
  const Matrix m = gramian_of(rows);
  const Vec x{1, -2, 0.5, 3};
  const Vec back = m * solvers::pseudo_inverse_times(m, m * x);
  for (int i = 0; i < 4; ++i) CHECK(back[i] == doctest::Approx((m * x)[i]).epsilon(1e-12));
}

}  // namespace
}  // namespace taskgrad
