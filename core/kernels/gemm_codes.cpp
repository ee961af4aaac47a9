// Which code for products this machine can run. All that have a fused multiply-add give equal bits.
#include <taskgrad/core/kernels/gemm.h>

#include <vector>

namespace taskgrad::kernels {
namespace {

#if defined(TASKGRAD_GEMM_X86)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
// Zen 3 and 4; the latter does 64 bytes in two halves.
bool halves_vectors() { return __builtin_cpu_is("amdfam19h"); }
#endif

template <class T>
std::vector<const GemmCode<T>*> usable() {
  using Codes = GemmCodes<T>;
  std::vector<const GemmCode<T>*> codes;
#if defined(TASKGRAD_GEMM_X86)
  if (has_avx512() && halves_vectors()) codes = {&Codes::avx512_narrow, &Codes::avx512};
  if (has_avx512() && !halves_vectors()) codes = {&Codes::avx512, &Codes::avx512_narrow};
  if (has_avx2()) codes.push_back(&Codes::avx2);
#endif
  codes.push_back(&Codes::plain);
  return codes;
}

}  // namespace

template <class T>
std::span<const GemmCode<T>* const> gemm_codes() {
  static const std::vector<const GemmCode<T>*> codes = usable<T>();
  return codes;
}

template std::span<const GemmCode<float>* const> gemm_codes();
template std::span<const GemmCode<double>* const> gemm_codes();

}  // namespace taskgrad::kernels
