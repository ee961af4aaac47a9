// AVX-512: 32 registers of 64 bytes.
#define TASKGRAD_VECTOR_BYTES 64
#define TASKGRAD_TILE_ROWS 8
#define TASKGRAD_TILE_VECTORS 3
#include <taskgrad/core/kernels/gemm_tile.h>

namespace taskgrad::kernels {

constinit const GemmCode<float> GemmCodes<float>::avx512 = make_code<float>("avx512");
constinit const GemmCode<double> GemmCodes<double>::avx512 = make_code<double>("avx512");

}  // namespace taskgrad::kernels
