#include "gemm_entrants.h"
#include <dnnl.h>
#include <omp.h>

namespace bench {

void onednn_gemm(const GemmShape& s, const float* a, const float* b, float* c) {
  dnnl_sgemm(s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.m, s.n, s.k, 1, a,
             s.transpose_a ? s.m : s.k, b, s.transpose_b ? s.k : s.n, 0, c, s.n);
}

void set_onednn_threads(int threads) { omp_set_num_threads(threads); }

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

}  // namespace bench
