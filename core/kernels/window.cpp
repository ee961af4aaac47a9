// Sliding windows: a convolution is im2col and a matrix product; im2col and col2im are adjoint.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <utility>

namespace taskgrad::kernels {
namespace {

// Images [n, c, h, w] under a window.
struct Frame {
  Frame(std::string_view where, const Shape& image, const Window& sliding)
      : window(sliding), places(sliding.places(where, image)) {
    images = image[0];
    channels = image[1];
    height = image[2];
    width = image[3];
  }

  // Calls f(place, element, count) for the places of each row whose element (row, column) of the
  // window lies on the image: `count` places one after the other, whose elements are
  // window.stride[1] apart. Places and elements count in row-major order.
  template <class F>
  void for_each_run(std::int64_t row, std::int64_t column, const F& f) const {
    const std::int64_t step = window.stride[1];
    const std::int64_t left = column * window.dilation[1] - window.padding[1];  // x of place 0
    const std::int64_t first = left < 0 ? (-left + step - 1) / step : 0;
    const std::int64_t last = left < width ? std::min(places[1], (width - 1 - left) / step + 1) : 0;
    if (first >= last) return;
    for (std::int64_t py = 0; py < places[0]; ++py) {
      const std::int64_t y = py * window.stride[0] - window.padding[0] + row * window.dilation[0];
      if (y < 0 || y >= height) continue;
      f(py * places[1] + first, y * width + left + first * step, last - first);
    }
  }

  std::int64_t place_count() const { return places[0] * places[1]; }
  std::int64_t window_size() const { return window.size[0] * window.size[1]; }

  const Window& window;
  Window::Pair places;
  std::int64_t images, channels, height, width;
};

template <class T>
void add_run(T* to, std::int64_t step, const T* from, std::int64_t count) {
  if (step == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * step] += from[i];
  }
}

// NaN is larger than all else.
template <class T>
bool is_larger(T x, T y) {
  return x > y || (x != x && y == y);
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
  const bool all_written = window.padding[0] == 0 && window.padding[1] == 0;
  Tensor result = all_written ? Tensor::empty(shape, x.dtype()) : Tensor::zeros(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    parallel_blocks(frame.images * frame.channels, result.size(), [&](std::int64_t plane) {
      const T* from = packed.data<T>() + plane * frame.height * frame.width;
      for (std::int64_t k = 0; k < frame.window_size(); ++k) {
        T* line = to + (plane * frame.window_size() + k) * frame.place_count();
        frame.for_each_run(k / window.size[1], k % window.size[1],
                           [&](std::int64_t place, std::int64_t element, std::int64_t count) {
                             if (window.stride[1] == 1) {
                               std::copy_n(from + element, count, line + place);
                             } else {
                               for (std::int64_t i = 0; i < count; ++i) {
                                 line[place + i] = from[element + i * window.stride[1]];
                               }
                             }
                           });
      }
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
      T* target = to + plane * frame.height * frame.width;
      for (std::int64_t k = 0; k < frame.window_size(); ++k) {
        const T* line = packed.data<T>() + (plane * frame.window_size() + k) * frame.place_count();
        frame.for_each_run(k / window.size[1], k % window.size[1],
                           [&](std::int64_t place, std::int64_t element, std::int64_t count) {
                             add_run(target + element, window.stride[1], line + place, count);
                           });
      }
    });
  });
  return result;
}

Labels max_in_window(const Tensor& x, const Window& window) {
  const Frame frame("max_pool2d", x.shape(), window);
  const Tensor packed = x.contiguous();
  const std::int64_t planes = frame.images * frame.channels;
  const std::int64_t area = frame.height * frame.width;
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
                                       plane * area + element + i * window.stride[1];
                                   std::int64_t& chosen = best[place + i];
                                   if (chosen < 0 || is_larger(from[candidate], from[chosen])) {
                                     chosen = candidate;
                                   }
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
