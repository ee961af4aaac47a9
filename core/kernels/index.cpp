// Kernels that Labels direct: a gather, its adjoint, and what makes labels of numbers.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/around.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <utility>

namespace taskgrad::kernels {
namespace {

void check_range(const char* where, const Labels& labels, std::int64_t extent) {
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= extent) {
      fail<ShapeError>("{}: labels must lie in [0, {}): number {} is {}", where, extent, i,
                       labels[i]);
    }
  }
}

// The shape with `axis` replaced by the axes of the labels.
Shape gathered_shape(const Shape& shape, const Labels& labels, int axis) {
  Shape result;
  for (int at = 0; at < shape.rank(); ++at) {
    if (at != axis) {
      result.append(shape[at]);
    } else {
      for (const std::int64_t extent : labels.shape()) result.append(extent);
    }
  }
  return result;
}

}  // namespace

Tensor gather(const Tensor& x, const Labels& labels, int axis) {
  axis = checked_axis("gather", axis, x.rank());
  const Around sizes = around(x.shape(), axis);
  check_range("gather", labels, sizes.extent);
  const Tensor packed = x.contiguous();
  const std::int64_t count = labels.size();
  Tensor result = Tensor::empty(gathered_shape(x.shape(), labels, axis), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    T* to = result.mutable_data<T>();
    parallel_blocks(sizes.outer, result.size(), [&](std::int64_t outer) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::copy_n(from + (outer * sizes.extent + labels[i]) * sizes.inner, sizes.inner,
                    to + (outer * count + i) * sizes.inner);
      }
    });
  });
  return result;
}

Tensor scatter_add(const Tensor& x, const Labels& labels, int axis, std::int64_t extent) {
  const int rank = x.rank() - labels.shape().rank() + 1;
  if (rank < 1) {
    fail<ShapeError>("scatter_add: x has the axes of the labels: x {} · labels {}", x.shape(),
                     labels.shape());
  }
  axis = checked_axis("scatter_add", axis, rank);
  for (int at = 0; at < labels.shape().rank(); ++at) {
    if (x.shape()[axis + at] != labels.shape()[at]) {
      fail<ShapeError>(
          "scatter_add: x has the axes of the labels from axis {} on: x {} · labels {}", axis,
          x.shape(), labels.shape());
    }
  }
  if (extent < 0) fail<ShapeError>("scatter_add: the extent must not be negative: {}", extent);
  check_range("scatter_add", labels, extent);
  Shape shape;
  for (int at = 0; at < rank; ++at) {
    const int from = at <= axis ? at : at + labels.shape().rank() - 1;
    shape.append(at == axis ? extent : x.shape()[from]);
  }
  const Around sizes = around(shape, axis);
  const std::int64_t count = labels.size();
  const Tensor packed = x.contiguous();
  Tensor result = Tensor::zeros(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    T* to = result.mutable_data<T>();
    // One thread an outer index, in the order of the labels: equal bits for every thread count.
    parallel_blocks(sizes.outer, x.size(), [&](std::int64_t outer) {
      for (std::int64_t i = 0; i < count; ++i) {
        const T* source = from + (outer * count + i) * sizes.inner;
        T* target = to + (outer * extent + labels[i]) * sizes.inner;
        for (std::int64_t k = 0; k < sizes.inner; ++k) target[k] += source[k];
      }
    });
  });
  return result;
}

Tensor one_hot(const Labels& labels, std::int64_t classes, DType dtype) {
  if (classes < 0) fail<ShapeError>("one_hot: the classes must not be negative: {}", classes);
  check_range("one_hot", labels, classes);
  Shape shape = labels.shape();
  shape.append(classes);
  Tensor result = Tensor::zeros(shape, dtype);
  dispatch(dtype, [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    for (std::int64_t i = 0; i < labels.size(); ++i) to[i * classes + labels[i]] = T(1);
  });
  return result;
}

Labels argmax(const Tensor& x, int axis) {
  axis = checked_axis("argmax", axis, x.rank());
  const Around sizes = around(x.shape(), axis);
  check_not_empty("argmax", x.shape(), static_cast<AxisSet>(1 << axis));
  Shape shape;
  for (int at = 0; at < x.rank(); ++at) {
    if (at != axis) shape.append(x.shape()[at]);
  }
  const Tensor packed = x.contiguous();
  List<std::int64_t> values(static_cast<std::size_t>(shape.size()));
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    for (std::int64_t i = 0; i < shape.size(); ++i) {
      const T* line = from + i / sizes.inner * sizes.extent * sizes.inner + i % sizes.inner;
      std::int64_t best = 0;
      for (std::int64_t at = 1; at < sizes.extent; ++at) {
        const T value = line[at * sizes.inner];
        const T largest = line[best * sizes.inner];
        if (value > largest || (value != value && largest == largest)) best = at;  // NaN wins
      }
      values[static_cast<std::size_t>(i)] = best;
    }
  });
  return Labels(shape, std::move(values));
}

}  // namespace taskgrad::kernels
