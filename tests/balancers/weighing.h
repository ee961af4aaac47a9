// What tests of methods that weigh by the Gramian share.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include "gramians.h"

namespace taskgrad::test {

inline constexpr double kCosines[] = {-0.99, -0.5, 0.0, 0.3, 0.9};

inline std::vector<Matrix> full_rank_rows(const std::vector<double>& scales = {1, 20, 0.05}) {
  std::vector<Matrix> all;
  for (int tasks = 1; tasks <= 5; ++tasks) {
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      const Rng rng = Rng(71).stream(std::uint64_t(tasks)).stream(draw);
      all.push_back(test::scaled_rows(test::random_rows(tasks, 9, rng), scales));
    }
  }
  return all;
}

inline Vec weights_of(Aggregator& method, const Matrix& rows, double loss = 1) {
  return method.gramian_weights(gramian_of(rows), all_present(rows.rows(), loss));
}

inline double row_length(const Matrix& m, int i) { return std::sqrt(m(i, i)); }

inline double cosine(const Matrix& rows, int i, const Vec& d) {
  double total = 0;
  double square = 0;
  for (int k = 0; k < d.size(); ++k) {
    total += rows(i, k) * d[k];
    square += rows(i, k) * rows(i, k);
  }
  return total / (std::sqrt(square) * length(d));
}

}  // namespace taskgrad::test
