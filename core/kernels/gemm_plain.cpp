// What the compiler makes of it for the processor that the library is built for.
#define TASKGRAD_VECTOR_BYTES 16
#define TASKGRAD_TILE_ROWS 4
#define TASKGRAD_TILE_VECTORS 3
#include <taskgrad/core/kernels/gemm_tile.h>

namespace taskgrad::kernels {

constinit const GemmCode<float> GemmCodes<float>::plain = make_code<float>("plain");
constinit const GemmCode<double> GemmCodes<double>::plain = make_code<double>("plain");

}  // namespace taskgrad::kernels
