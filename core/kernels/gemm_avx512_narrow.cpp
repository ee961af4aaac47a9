// AVX-512 at half its width: 32 registers of 32 bytes, for processors that do a whole vector in two
// halves and so only waste what a matrix does not fill.
#define TASKGRAD_VECTOR_BYTES 32
#define TASKGRAD_TILE_ROWS 8
#define TASKGRAD_TILE_VECTORS 3
#include <taskgrad/core/kernels/gemm_tile.h>

namespace taskgrad::kernels {

constinit const GemmCode<float> GemmCodes<float>::avx512_narrow = make_code<float>("avx512_narrow");
constinit const GemmCode<double> GemmCodes<double>::avx512_narrow =
    make_code<double>("avx512_narrow");

}  // namespace taskgrad::kernels
