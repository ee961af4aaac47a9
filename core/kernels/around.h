// One axis of a packed tensor as the middle of [outer, extent, inner]. Private to the kernels.
#pragma once

#include <taskgrad/core/shape.h>

#include <cstdint>
#include <string_view>

namespace taskgrad::kernels {

struct Around {
  std::int64_t outer = 1, extent = 1, inner = 1;
};

inline Around around(const Shape& shape, int axis) {
  Around sizes;
  for (int at = 0; at < shape.rank(); ++at) {
    (at < axis ? sizes.outer : (at == axis ? sizes.extent : sizes.inner)) *= shape[at];
  }
  return sizes;
}

/// The axis counted from the front. Throws ShapeError naming `where`.
inline int checked_axis(std::string_view where, int axis, int rank) {
  const int axes[] = {axis};
  axis_set(where, axes, rank);
  return axis < 0 ? axis + rank : axis;
}

}  // namespace taskgrad::kernels
