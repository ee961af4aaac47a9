// Sliding windows; im2col and col2im are adjoint.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/frame.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace taskgrad::kernels {
namespace {

// NaN is larger than all else. Without a branch, which nobody could foretell.
template <class T>
bool is_larger(T x, T y) {
  return !(x <= y) & (y == y);
}

// What was largest so far in the windows at places side by side.
template <class T>
struct Leaders {
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  static constexpr std::int64_t kPlaces = 64;
  T value[kPlaces];
  Index element[kPlaces];  // -1: none yet

  /// With the element of that number, which at place `first` is from[0] and `step` further at each
  /// next one.
  void compare(std::int64_t first, std::int64_t last, const T* from, std::int64_t step,
               Index number) {
    for (std::int64_t i = first; i < last; ++i) {
      const T x = from[(i - first) * step];
      const bool leads = is_larger(x, value[i]) | (element[i] < 0);
      value[i] = leads ? x : value[i];
      element[i] = leads ? number : element[i];
    }
  }
};

// Where the first of the largest elements lies in the windows at `count` <= Leaders::kPlaces places
// from (py, px) on; -1 for a window that holds none.
template <class T>
void find_largest(const Frame& frame, const List<Frame::Element>& elements, const T* planes,
                  std::int64_t plane, std::int64_t py, std::int64_t px, std::int64_t count,
                  std::int64_t* found) {
  const std::int64_t step = frame.window.stride[1];
  const std::int64_t origin =
      plane * frame.area() + py * frame.window.stride[0] * frame.width + px * step;
  Leaders<T> leaders;
  std::fill_n(leaders.value, count, T(0));
  std::fill_n(leaders.element, count, -1);
  for (std::size_t k = 0; k < elements.size(); ++k) {
    const auto& [offset, down, across] = elements[k];
    const std::int64_t first = std::max<std::int64_t>(across.first - px, 0);
    const std::int64_t last = std::min(across.last - px, count);
    if (py < down.first || py >= down.last || first >= last) continue;
    leaders.compare(first, last, planes + (origin + offset + first * step), step,
                    static_cast<typename Leaders<T>::Index>(k));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto element = leaders.element[i];
    found[i] =
        element < 0 ? -1 : origin + i * step + elements[static_cast<std::size_t>(element)].offset;
  }
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
  const List<Frame::Element> elements = frame.elements();
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    parallel_blocks(frame.images * frame.channels, result.size(), [&](std::int64_t plane) {
      read_windows(frame, elements, plane * frame.window_size(), (plane + 1) * frame.window_size(),
                   packed.data<T>(), to);
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
  const List<Frame::Element> elements = frame.elements();
  dispatch(columns.dtype(), [&]<class T>(Type<T>) {
    T* to = result.mutable_data<T>();
    parallel_blocks(frame.images * frame.channels, columns.size(), [&](std::int64_t plane) {
      add_windows(frame, elements, plane * frame.window_size(), (plane + 1) * frame.window_size(),
                  packed.data<T>(), to);
    });
  });
  return result;
}

Labels max_in_window(const Tensor& x, const Window& window) {
  const Frame frame("max_pool2d", x.shape(), window);
  const Tensor packed = x.contiguous();
  const std::int64_t planes = frame.images * frame.channels;
  const List<Frame::Element> elements = frame.elements();
  List<std::int64_t> values(static_cast<std::size_t>(planes * frame.place_count()));
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    parallel_blocks(
        planes, planes * frame.place_count() * frame.window_size(), [&](std::int64_t plane) {
          std::int64_t* best = values.data() + plane * frame.place_count();
          for (std::int64_t py = 0; py < frame.places[0]; ++py) {
            for (std::int64_t px = 0; px < frame.places[1]; px += Leaders<T>::kPlaces) {
              const std::int64_t count = std::min(Leaders<T>::kPlaces, frame.places[1] - px);
              find_largest(frame, elements, from, plane, py, px, count, best);
              best += count;
            }
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
