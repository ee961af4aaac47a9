// Elementwise functions and sums by Eigen; its products of matrices are in gemm_entrants.h.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

/// z = f(x, y) by name: relu, exp, tanh (of x), add, mul. `size` elements.
using Elementwise = void(const float* x, const float* y, float* z, std::int64_t size);
Elementwise* eigen_elementwise(const std::string& name);

float eigen_sum(const float* x, std::int64_t size);
/// Of each column of x [rows, columns].
void eigen_sum_rows(const float* x, std::int64_t rows, std::int64_t columns, float* sums);

}  // namespace bench
