// Products of matrices by others.
#pragma once

#include <string>

namespace bench {

/// c [m, n] = op(a) op(b) over k; packed and row-major, a transposed one as it was before.
struct GemmShape {
  bool transpose_a, transpose_b;
  int m, n, k;
};

void eigen_gemm(const GemmShape& shape, const float* a, const float* b, float* c);
void eigen_gemm(const GemmShape& shape, const double* a, const double* b, double* c);

// Each is there if the library was found.
void openblas_gemm(const GemmShape& shape, const float* a, const float* b, float* c);
void openblas_gemm(const GemmShape& shape, const double* a, const double* b, double* c);
void set_openblas_threads(int threads);
std::string openblas_version();

void onednn_gemm(const GemmShape& shape, const float* a, const float* b, float* c);
void set_onednn_threads(int threads);  ///< those of OpenMP
std::string onednn_version();

}  // namespace bench
