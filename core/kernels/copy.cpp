#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/around.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/kernels/strided.h>

#include <algorithm>

namespace taskgrad::kernels {
namespace {

template <class From, class To>
Tensor copy_as(const Tensor& x) {
  Tensor result = Tensor::empty(x.shape(), kDTypeOf<To>);
  const Walk<1> walk = make_walk<1>(x.shape(), {&x});
  const From* source = x.data<From>();
  To* target = result.mutable_data<To>();
  if (x.size() == 0) return result;
  const std::int64_t step = walk.inner_step[0];
  for_each_run(walk, [&](const auto& offset, std::int64_t first, std::int64_t count) {
    const From* from = source + offset[0];
    To* to = target + first;
    if (step == 1) {
      ArrayOut<To>(to, count) = ArrayIn<From>(from, count).template cast<To>();
    } else {
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i * step]);
    }
  });
  return result;
}

// Writes x into its place along an axis of a wider packed tensor, `start` steps from the front.
void place(const Tensor& x, Tensor& wide, int axis, std::int64_t start) {
  const Tensor packed = x.contiguous();
  const Around part = around(x.shape(), axis);
  const std::int64_t step = wide.shape()[axis] * part.inner;
  const std::int64_t count = part.extent * part.inner;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    T* to = wide.mutable_data<T>() + start * part.inner;
    for (std::int64_t outer = 0; outer < part.outer; ++outer) {
      std::copy_n(from + outer * count, count, to + outer * step);
    }
  });
}

}  // namespace

Tensor copy(const Tensor& x) {
  return dispatch(x.dtype(), [&]<class T>(Type<T>) { return copy_as<T, T>(x); });
}

Tensor cast(const Tensor& x, DType dtype) {
  return dispatch(x.dtype(), [&]<class From>(Type<From>) {
    return dispatch(dtype, [&]<class To>(Type<To>) { return copy_as<From, To>(x); });
  });
}

Tensor pad(const Tensor& x, int axis, std::int64_t before, std::int64_t after) {
  axis = checked_axis("pad", axis, x.rank());
  if (before < 0 || after < 0) {
    fail<ShapeError>("pad: zeros are added, not taken away: {} before, {} after [use slice]",
                     before, after);
  }
  if (before > kMaxElements || after > kMaxElements) {
    fail<ShapeError>("pad: at most {} zeros on a side: {} before, {} after", kMaxElements, before,
                     after);
  }
  Shape shape = x.shape();
  shape.set(axis, shape[axis] + before + after);
  Tensor result = Tensor::zeros(Shape(std::span(shape.begin(), shape.end())), x.dtype());
  place(x, result, axis, before);
  return result;
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  if (parts.empty()) fail<ShapeError>("concat: at least one part: none was given");
  Shape shape = parts[0].shape();
  axis = checked_axis("concat", axis, shape.rank());
  std::int64_t extent = 0;
  for (const Tensor& part : parts) {
    shape.set(axis, part.rank() > axis ? part.shape()[axis] : 0);
    if (!(part.shape() == shape)) {
      fail<ShapeError>("concat: parts differ along axis {} only: {} · {}", axis, parts[0].shape(),
                       part.shape());
    }
    if (part.dtype() != parts[0].dtype()) {
      fail<DTypeError>("concat: element types must be the same: {} · {} [use Tensor::to]",
                       parts[0].dtype(), part.dtype());
    }
    extent += part.shape()[axis];
  }
  shape.set(axis, extent);
  Tensor result = Tensor::empty(Shape(std::span(shape.begin(), shape.end())), parts[0].dtype());
  std::int64_t start = 0;
  for (const Tensor& part : parts) {
    place(part, result, axis, start);
    start += part.shape()[axis];
  }
  return result;
}

}  // namespace taskgrad::kernels
