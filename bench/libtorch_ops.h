// Single operations in libtorch.
#pragma once

#include "chain.h"
#include "program.h"
#include <cstdint>

namespace bench {

/// The chain of chain.h on `elements` numbers; a scalar for 1.
Way libtorch_chain(int elements, Depth depth);

struct ImageSizes {
  std::int64_t count, channels, extent;
};
struct FilterSizes {
  std::int64_t count, channels, extent;
};
Way libtorch_convolution(const float* x, const ImageSizes& images, const float* w,
                         const FilterSizes& filters);

}  // namespace bench
