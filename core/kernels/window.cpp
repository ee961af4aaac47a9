// Sliding windows; im2col and col2im are adjoint.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/frame.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <utility>

namespace taskgrad::kernels {
namespace {

// NaN is larger than all else. Without a branch, which nobody could foretell.
template <class T>
bool is_larger(T x, T y) {
  return !(x <= y) & (y == y);
}

}  // namespace

// Of any number in a window, so that no sum of products of them overflows.
constexpr std::int64_t kMost = 1 << 30;

Window::Pair Window::places(std::string_view where, const Shape& image) const {
  if (image.rank() != 4) {
    fail<ShapeError>("{}: images are [n, channels, height, width]: shape {}", where, image);
  }
  Pair count;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const auto within = [](std::int64_t value, std::int64_t least) {
      return value >= least && value <= kMost;
    };
    if (!within(size[axis], 1) || !within(stride[axis], 1) || !within(dilation[axis], 1) ||
        !within(padding[axis], 0)) {
      fail<ShapeError>(
          "{}: size, stride and dilation lie in [1, {}], padding in [0, {}]: size {} · stride {} · "
          "dilation {} · padding {}",
          where, kMost, kMost, size[axis], stride[axis], dilation[axis], padding[axis]);
    }
    const std::int64_t reach = dilation[axis] * (size[axis] - 1) + 1;
    const std::int64_t room = image[static_cast<int>(axis) + 2] + 2 * padding[axis] - reach;
    if (room < 0) {
      fail<ShapeError>("{}: the window must fit the image: image {} padded by {} · window of {}",
                       where, image, padding[axis], reach);
    }
    count[axis] = room / stride[axis] + 1;
  }
  return count;
}

Tensor im2col(const Tensor& x, const Window& window) {
  const Frame frame("im2col", x.shape(), window);
  const Tensor packed = x.contiguous();
  const Shape shape{frame.images, frame.channels * frame.window_size(), frame.place_count()};
  Tensor result =
      frame.covers() ? Tensor::empty(shape, x.dtype()) : Tensor::zeros(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    parallel_blocks(frame.images * frame.channels, result.size(), [&](std::int64_t plane) {
      read_windows(frame, packed.data<T>() + plane * frame.area(),
                   to + plane * frame.window_size() * frame.place_count());
    });
  });
  return result;
}

Tensor col2im(const Tensor& columns, const Shape& image, const Window& window) {
  const Frame frame("col2im", image, window);
  const Shape expected{frame.images, frame.channels * frame.window_size(), frame.place_count()};
  if (!(columns.shape() == expected)) {
    fail<ShapeError>("col2im: columns are those of the image {}: {} · {}", image, expected,
                     columns.shape());
  }
  const Tensor packed = columns.contiguous();
  Tensor result = Tensor::zeros(image, columns.dtype());
  dispatch(columns.dtype(), [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    parallel_blocks(frame.images * frame.channels, columns.size(), [&](std::int64_t plane) {
      add_windows(frame, packed.data<T>() + plane * frame.window_size() * frame.place_count(),
                  to + plane * frame.area());
    });
  });
  return result;
}

Labels max_in_window(const Tensor& x, const Window& window) {
  const Frame frame("max_pool2d", x.shape(), window);
  const Tensor packed = x.contiguous();
  const std::int64_t planes = frame.images * frame.channels;
  List<std::int64_t> values(static_cast<std::size_t>(planes * frame.place_count()), -1);
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    parallel_blocks(
        planes, planes * frame.place_count() * frame.window_size(), [&](std::int64_t plane) {
          std::int64_t* best = values.data() + plane * frame.place_count();
          for (std::int64_t k = 0; k < frame.window_size(); ++k) {  // the first one stays
            frame.for_each_run(k / window.size[1], k % window.size[1],
                               [&](std::int64_t place, std::int64_t element, std::int64_t count) {
                                 for (std::int64_t i = 0; i < count; ++i) {
                                   const std::int64_t candidate =
                                       plane * frame.area() + element + i * window.stride[1];
                                   std::int64_t& chosen = best[place + i];
                                   const std::int64_t rival = chosen < 0 ? candidate : chosen;
                                   chosen = rival + (candidate - rival) *
                                                        is_larger(from[candidate], from[rival]);
                                 }
                               });
          }
        });
  });
  if (std::find(values.begin(), values.end(), -1) != values.end()) {
    fail<ShapeError>("max_pool2d: every window must touch the image: image {} · padding {} and {}",
                     x.shape(), window.padding[0], window.padding[1]);
  }
  return Labels({frame.images, frame.channels, frame.places[0], frame.places[1]},
                std::move(values));
}

}  // namespace taskgrad::kernels
