// Matrices of task gradients of known rank and stationarity, and their Gramians.
#pragma once

#include <taskgrad/balancers/step.h>
#include <taskgrad/balancers/vec.h>
#include <taskgrad/core/rng.h>

#include <cmath>
#include <string>
#include <vector>

namespace taskgrad::test {

/// K rows of n numbers.
inline Matrix random_rows(int tasks, int columns, const Rng& rng) {
  return to_matrix(rng.normal({tasks, columns}, 0, 1, DType::f64));
}

inline Matrix gramian_of(const Matrix& rows) {
  Matrix m(rows.rows(), rows.rows());
  for (int i = 0; i < rows.rows(); ++i) {
    for (int j = 0; j < rows.rows(); ++j) {
      for (int k = 0; k < rows.columns(); ++k) m(i, j) += rows(i, k) * rows(j, k);
    }
  }
  return m;
}

/// J'a.
inline Vec combination(const Matrix& rows, const Vec& a) {
  Vec d(rows.columns());
  for (int i = 0; i < rows.rows(); ++i) {
    for (int k = 0; k < rows.columns(); ++k) d[k] += a[i] * rows(i, k);
  }
  return d;
}

inline double length(const Vec& x) { return std::sqrt(dot(x, x)); }

/// All of `count` tasks are there, each with its loss.
inline Present all_present(int count, double loss = 1) {
  Present present;
  for (int i = 0; i < count; ++i) present.tasks.push_back(i);
  present.losses = Vec(count, loss);
  return present;
}

/// Two rows (length a, 0) and (length b cos, length b sin).
inline Matrix two_rows(double a, double b, double cosine) {
  Matrix rows(2, 2);
  rows(0, 0) = a;
  rows(1, 0) = b * cosine;
  rows(1, 1) = b * std::sqrt(1 - cosine * cosine);
  return rows;
}

struct NamedRows {
  std::string name;
  Matrix rows;
};

inline Matrix scaled_rows(Matrix rows, const std::vector<double>& scales) {
  for (int i = 0; i < rows.rows(); ++i) {
    for (int k = 0; k < rows.columns(); ++k) rows(i, k) *= scales[std::size_t(i) % scales.size()];
  }
  return rows;
}

/// Rows whose last is minus a positive combination of the others: Pareto stationary.
inline Matrix stationary_rows(int tasks, int columns, const Rng& rng) {
  Matrix rows = random_rows(tasks, columns, rng);
  for (int k = 0; k < columns; ++k) {
    rows(tasks - 1, k) = 0;
    for (int i = 0; i + 1 < tasks; ++i) rows(tasks - 1, k) -= (0.5 + i) * rows(i, k);
  }
  return rows;
}

/// Every rank, fewer columns than tasks, duplicated, opposite and zero rows, and scales from 1e-12
/// to 1e12 all together and side by side.
inline std::vector<NamedRows> row_table() {
  std::vector<NamedRows> table;
  const Rng rng(7);
  std::uint64_t stream = 0;
  for (const int tasks : {1, 2, 3, 5}) {
    for (const int columns : {1, 2, 4, 12}) {
      const std::string shape = std::to_string(tasks) + "x" + std::to_string(columns);
      table.push_back({"random " + shape, random_rows(tasks, columns, rng.stream(stream++))});
      Matrix twice = random_rows(tasks, columns, rng.stream(stream++));
      Matrix zero = twice;
      Matrix opposite = twice;
      for (int k = 0; k < columns; ++k) {
        twice(tasks - 1, k) = twice(0, k);
        zero(0, k) = 0;
        if (tasks > 1) opposite(tasks - 1, k) = -opposite(0, k);
      }
      table.push_back({"duplicated " + shape, twice});
      table.push_back({"zero row " + shape, zero});
      table.push_back({"opposite " + shape, opposite});
      if (tasks > 1) {
        table.push_back(
            {"stationary " + shape, stationary_rows(tasks, columns, rng.stream(stream++))});
      }
      table.push_back(
          {"scaled " + shape, scaled_rows(random_rows(tasks, columns, rng.stream(stream++)),
                                          {1, 1e-6, 1e3, 1e-3, 1e6})});
    }
  }
  table.push_back({"all zero", Matrix(3, 4)});
  for (const double scale : {1e-12, 1e12}) {
    table.push_back(
        {"all small or large", scaled_rows(random_rows(3, 5, rng.stream(stream++)), {scale})});
  }
  return table;
}

}  // namespace taskgrad::test
