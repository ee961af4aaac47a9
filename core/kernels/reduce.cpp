#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/around.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace taskgrad::kernels {
namespace {

constexpr std::int64_t kReduceBlock = 4'096;
constexpr std::int64_t kLanes = 16;

// Adds by halves, so that the error grows with log2 of the count. Overwrites its argument.
template <class T>
T pairwise(T* values, std::int64_t count) {
  if (count == 0) return T(0);
  for (; count > 1; count = (count + 1) / 2) {
    for (std::int64_t i = 0; i < count / 2; ++i) values[i] = values[2 * i] + values[2 * i + 1];
    if (count % 2 == 1) values[count / 2] = values[count - 1];
  }
  return values[0];
}

// Sum of term(i) for i in [first, last): 16 lanes run side by side and are then added by halves.
template <class T, class Term>
T block_sum(std::int64_t first, std::int64_t last, const Term& term) {
  std::array<T, kLanes> lane{};
  std::int64_t i = first;
  for (; i + kLanes <= last; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) lane[static_cast<std::size_t>(k)] += term(i + k);
  }
  for (std::int64_t k = 0; i + k < last; ++k) lane[static_cast<std::size_t>(k)] += term(i + k);
  return pairwise(lane.data(), kLanes);
}

// Sum of term(i) for i in [0, size): fixed blocks, then a pairwise tree over them.
template <class T, class Term>
T long_sum(std::int64_t size, const Term& term) {
  if (size <= kReduceBlock) return block_sum<T>(0, size, term);
  const std::int64_t blocks = (size + kReduceBlock - 1) / kReduceBlock;
  List<T> partial(static_cast<std::size_t>(blocks));
  parallel_blocks(blocks, size, [&](std::int64_t block) {
    const std::int64_t first = block * kReduceBlock;
    partial[static_cast<std::size_t>(block)] =
        block_sum<T>(first, std::min(size, first + kReduceBlock), term);
  });
  return pairwise(partial.data(), blocks);
}

// Sums a packed [outer, length, inner] over the middle axis; each output has one thread and one
// order. Columns are cut into strips so that a tall matrix still uses every thread.
template <class T>
void sum_middle(const T* x, T* z, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  if (inner == 1) {
    parallel_blocks(outer, outer * length, [&](std::int64_t row) {
      const T* from = x + row * length;
      z[row] = block_sum<T>(0, length, [from](std::int64_t i) { return from[i]; });
    });
    return;
  }
  constexpr std::int64_t kStrip = 64;
  constexpr std::int64_t kRun = 1'024;
  const std::int64_t strips = (inner + kStrip - 1) / kStrip;
  parallel_blocks(outer * strips, outer * length * inner, [&](std::int64_t block) {
    const std::int64_t first = block % strips * kStrip;
    const std::int64_t count = std::min(kStrip, inner - first);
    const T* from = x + block / strips * length * inner + first;
    // Rows are added in runs and the runs then, so that the error does not grow with their number.
    std::array<T, kStrip> total{};
    for (std::int64_t run = 0; run < length; run += kRun) {
      std::array<T, kStrip> part{};
      for (std::int64_t i = run; i < std::min(length, run + kRun); ++i) {
        for (std::int64_t k = 0; k < count; ++k) {
          part[static_cast<std::size_t>(k)] += from[i * inner + k];
        }
      }
      for (std::size_t k = 0; k < kStrip; ++k) total[k] += part[k];
    }
    std::copy_n(total.begin(), count, z + block / strips * inner + first);
  });
}

// Sums one run of neighbouring axes [first, last) of a packed tensor; they stay with extent 1.
Tensor sum_run(const Tensor& x, int first, int last) {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
  Shape shape = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    (axis < first ? outer : (axis < last ? length : inner)) *= shape[axis];
    if (axis >= first && axis < last) shape.set(axis, 1);
  }
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = x.data<T>();
    T* to = result.mutable_data<T>();
    if (outer == 1 && inner == 1) {
      *to = long_sum<T>(length, [from](std::int64_t i) { return from[i]; });
    } else {
      sum_middle(from, to, outer, length, inner);
    }
  });
  return result;
}

// The largest along one axis of a packed tensor, which stays with extent 1.
Tensor max_along(const Tensor& x, int axis) {
  const Around sizes = around(x.shape(), axis);
  Shape shape = x.shape();
  shape.set(axis, 1);
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    parallel_blocks(sizes.outer, x.size(), [&](std::int64_t outer) {
      const T* from = x.data<T>() + outer * sizes.extent * sizes.inner;
      T* to = result.mutable_data<T>() + outer * sizes.inner;
      std::copy_n(from, sizes.inner, to);
      for (std::int64_t i = 1; i < sizes.extent; ++i) {
        for (std::int64_t k = 0; k < sizes.inner; ++k) {
          const T value = from[i * sizes.inner + k];
          if (value > to[k] || value != value) to[k] = value;
        }
      }
    });
  });
  return result;
}

// Sum of term(x_i, y_i) over all elements.
template <class Term>
Tensor sum_of_pairs(std::string_view where, const Tensor& x, const Tensor& y, const Term& term) {
  if (!(x.shape() == y.shape())) {
    fail<ShapeError>("{}: shapes must be the same: lhs {} · rhs {}", where, x.shape(), y.shape());
  }
  check_dtypes(where, x, y);
  const Tensor left = x.contiguous();
  const Tensor right = y.contiguous();
  Tensor result = Tensor::empty({}, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* a = left.data<T>();
    const T* b = right.data<T>();
    *result.mutable_data<T>() =
        long_sum<T>(x.size(), [&term, a, b](std::int64_t i) { return term(a[i], b[i]); });
  });
  return result;
}

}  // namespace

Tensor sum(const Tensor& x, AxisSet axes, bool keep) {
  Tensor result = x.contiguous();
  Shape kept;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool summed = (axes >> axis) & 1;
    if (keep || !summed) kept.append(summed ? 1 : x.shape()[axis]);
  }
  for (int first = x.rank(); first-- > 0;) {  // from the back: later runs are small by then
    if (!((axes >> first) & 1)) continue;
    const int last = first + 1;
    while (first > 0 && ((axes >> (first - 1)) & 1)) --first;
    result = sum_run(result, first, last);
  }
  return kept == result.shape() ? result : result.reshape(kept);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (!broadcasts_to(shape, x.shape())) {
    fail<ShapeError>("sum_to: the shape must broadcast to that of x: {} · x {}", shape, x.shape());
  }
  const int shift = x.rank() - shape.rank();
  AxisSet axes = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < shift || (shape[axis - shift] == 1 && x.shape()[axis] != 1)) {
      axes = static_cast<AxisSet>(axes | (1 << axis));
    }
  }
  const Tensor result = sum(x, axes, true);
  return result.shape() == shape ? result : result.reshape(shape);
}

Tensor dot(const Tensor& x, const Tensor& y) {
  return sum_of_pairs("dot", x, y, [](auto a, auto b) { return a * b; });
}

Tensor squared_error(const Tensor& x, const Tensor& y) {
  return sum_of_pairs("squared_error", x, y, [](auto a, auto b) { return (a - b) * (a - b); });
}

Tensor norm(const Tensor& x) {
  const Tensor packed = x.contiguous();
  Tensor result = Tensor::empty({}, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    const T squares = long_sum<T>(x.size(), [from](std::int64_t i) { return from[i] * from[i]; });
    T& norm = *result.mutable_data<T>();
    norm = std::sqrt(squares);
    const bool in_range =
        squares >= std::numeric_limits<T>::min() && squares <= std::numeric_limits<T>::max();
    if (in_range || x.size() == 0 || std::isnan(squares)) return;
    // Squares that are too small or too large for T: those of x divided by its largest element.
    const T largest = ArrayIn<T>(from, packed.size()).abs().maxCoeff();
    if (largest == T(0) || std::isinf(largest)) {
      norm = largest;
      return;
    }
    norm = largest * std::sqrt(long_sum<T>(x.size(), [=](std::int64_t i) {
             return (from[i] / largest) * (from[i] / largest);
           }));
  });
  return result;
}

void check_not_empty(std::string_view where, const Shape& shape, AxisSet axes) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (((axes >> axis) & 1) && shape[axis] == 0) {
      fail<ShapeError>("{}: the axis must not be empty: axis {} of {}", where, axis, shape);
    }
  }
}

Tensor max(const Tensor& x, AxisSet axes, bool keep) {
  check_not_empty("max", x.shape(), axes);
  Tensor result = x.contiguous();
  Shape kept;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool passed = (axes >> axis) & 1;
    if (keep || !passed) kept.append(passed ? 1 : x.shape()[axis]);
    if (!passed) continue;
    result = max_along(result, axis);
  }
  return kept == result.shape() ? result : result.reshape(kept);
}

Tensor cumsum(const Tensor& x, int axis, bool reverse) {
  axis = checked_axis("cumsum", axis, x.rank());
  const Around sizes = around(x.shape(), axis);
  const Tensor packed = x.contiguous();
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  if (x.size() == 0) return result;
  const std::int64_t step = reverse ? -sizes.inner : sizes.inner;
  const std::int64_t first = reverse ? (sizes.extent - 1) * sizes.inner : 0;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    parallel_blocks(sizes.outer, x.size(), [&](std::int64_t outer) {
      const T* from = packed.data<T>() + outer * sizes.extent * sizes.inner + first;
      T* to = result.mutable_data<T>() + outer * sizes.extent * sizes.inner + first;
      std::copy_n(from, sizes.inner, to);
      for (std::int64_t i = 1; i < sizes.extent; ++i) {
        for (std::int64_t k = 0; k < sizes.inner; ++k) {
          to[i * step + k] = to[(i - 1) * step + k] + from[i * step + k];
        }
      }
    });
  });
  return result;
}

bool all_finite(const Tensor& x) {
  const Tensor packed = x.contiguous();
  return dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const ArrayIn<T> values(packed.data<T>(), packed.size());
    return (values - values).sum() == T(0);  // x - x is 0, or NaN for what is not finite
  });
}

}  // namespace taskgrad::kernels
