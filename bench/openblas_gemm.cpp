#include "gemm_entrants.h"
#include <cblas.h>

namespace bench {
namespace {

// Calls cblas_?gemm, its last argument being the step between rows of c.
template <class Gemm, class T>
void call(Gemm gemm, const GemmShape& s, const T* a, const T* b, T* c) {
  gemm(CblasRowMajor, s.transpose_a ? CblasTrans : CblasNoTrans,
       s.transpose_b ? CblasTrans : CblasNoTrans, s.m, s.n, s.k, T(1), a, s.transpose_a ? s.m : s.k,
       b, s.transpose_b ? s.k : s.n, T(0), c, s.n);
}

}  // namespace

void openblas_gemm(const GemmShape& shape, const float* a, const float* b, float* c) {
  call(cblas_sgemm, shape, a, b, c);
}

void openblas_gemm(const GemmShape& shape, const double* a, const double* b, double* c) {
  call(cblas_dgemm, shape, a, b, c);
}

void set_openblas_threads(int threads) { openblas_set_num_threads(threads); }

std::string openblas_version() {
  const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ..."
  return config.substr(0, config.find(' ', config.find(' ') + 1)) + " (" + openblas_get_corename() +
         ")";
}

}  // namespace bench
