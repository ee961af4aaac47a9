// AVX2 and FMA: 16 registers of 32 bytes.
#define TASKGRAD_VECTOR_BYTES 32
#define TASKGRAD_TILE_ROWS 4
#define TASKGRAD_TILE_VECTORS 3
#include <taskgrad/core/kernels/gemm_tile.h>

namespace taskgrad::kernels {

constinit const GemmCode<float> GemmCodes<float>::avx2 = make_code<float>("avx2");
constinit const GemmCode<double> GemmCodes<double>::avx2 = make_code<double>("avx2");

}  // namespace taskgrad::kernels
