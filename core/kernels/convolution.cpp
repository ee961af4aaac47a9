// Convolutions as products of matrices, image by image and group by group:
//
//   y_n = F X_n,   X_n = im2col of image n [c / groups * window, places],   F [out / groups, same],
//   dx_n = col2im(F' g_n),   dF = sum_n g_n X_n'.
//
// A thread holds the X_n of one image, in its cache where it fits, and never those of a batch.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/frame.h>
#include <taskgrad/core/kernels/gemm.h>
#include <taskgrad/core/kernels/share_work.h>

#include <algorithm>
#include <string_view>

namespace taskgrad::kernels {
namespace {

struct Convolution {
  Convolution(std::string_view where, const Shape& image, const Shape& filter,
              const Window& sliding, std::int64_t group_count)
      : frame(check(where, image, filter, group_count), image, sliding),
        groups(group_count),
        channels(filter[1]),
        filters(filter[0] / groups),
        length(channels * frame.window_size()) {
    if (filter[2] != sliding.size[0] || filter[3] != sliding.size[1]) {
      fail<ShapeError>("{}: the window has the size of the weight: {} x {} · {}", where,
                       sliding.size[0], sliding.size[1], filter);
    }
    elements = frame.elements();
  }

  Shape result_shape() const {
    return {frame.images, groups * filters, frame.places[0], frame.places[1]};
  }
  /// Of all products.
  std::int64_t cost() const {
    return product_cost(frame.images * groups * filters * columns_size());
  }
  std::int64_t columns_size() const { return length * frame.place_count(); }

  /// Where image n begins, for the channels of a group.
  template <class T>
  T* image_of(T* images, std::int64_t n, std::int64_t group) const {
    return images + (n * groups + group) * channels * frame.area();
  }
  /// The same of its result.
  template <class T>
  T* result_of(T* results, std::int64_t n, std::int64_t group) const {
    return results + (n * groups + group) * filters * frame.place_count();
  }
  template <class T>
  T* filters_of(T* all, std::int64_t group) const {
    return all + group * filters * length;
  }

  Frame frame;
  List<Frame::Element> elements;
  std::int64_t groups;
  std::int64_t channels, filters;  // of a group
  std::int64_t length;             // of a column

 private:
  static std::string_view check(std::string_view where, const Shape& image, const Shape& filter,
                                std::int64_t groups) {
    if (image.rank() != 4 || filter.rank() != 4) {
      fail<ShapeError>("{}: x [n, in, h, w], weight [out, in / groups, h, w]: {} · {}", where,
                       image, filter);
    }
    if (groups < 1 || filter[0] % groups != 0 || image[1] != filter[1] * groups) {
      fail<ShapeError>("{}: {} groups divide the channels: x {} · weight {}", where, groups, image,
                       filter);
    }
    return where;
  }
};

// What each of the threads needs for itself, taken before they begin.
template <class T>
class Scratch {
 public:
  Scratch(const Convolution& conv, std::int64_t runs, std::int64_t packed)
      : columns_size_(conv.columns_size()),
        size_(columns_size_ + packed),
        all_(Tensor::empty({runs * size_}, kDTypeOf<T>)),
        data_(all_.template mutable_data<T>()) {}
  /// For columns that are read from images: what lies beyond the border is zero and stays so.
  void clear() { std::fill_n(data_, all_.size(), T(0)); }
  T* columns(std::int64_t run) { return data_ + run * size_; }
  T* packed(std::int64_t run) { return columns(run) + columns_size_; }

 private:
  std::int64_t columns_size_, size_;
  Tensor all_;
  T* data_;
};

void check_cotangent(std::string_view where, const Convolution& conv, const Tensor& cotangent) {
  if (!(cotangent.shape() == conv.result_shape())) {
    fail<ShapeError>("{}: the cotangent is like the result {}: {}", where, conv.result_shape(),
                     cotangent.shape());
  }
}

// Calls body(n, group, run) for each; a run is one thread's.
template <class Body>
void for_each_image(const Convolution& conv, std::int64_t runs, const Body& body) {
  const std::int64_t pairs = conv.frame.images * conv.groups;
  parallel_blocks(runs, conv.cost(), [&](std::int64_t run) {
    for (std::int64_t pair = run * pairs / runs; pair < (run + 1) * pairs / runs; ++pair) {
      body(pair / conv.groups, pair % conv.groups, run);
    }
  });
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& filters, const Window& window, std::int64_t groups) {
  const Convolution conv("conv2d", x.shape(), filters.shape(), window, groups);
  check_dtypes("conv2d", x, filters);
  if (conv.length == 0) return Tensor::zeros(conv.result_shape(), x.dtype());
  const Tensor images = x.contiguous();
  const Tensor weight = filters.contiguous();
  Tensor result = Tensor::empty(conv.result_shape(), x.dtype());
  if (result.size() == 0) return result;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const std::int64_t places = conv.frame.place_count();
    const auto product = [&](const T* columns, std::int64_t group, T* to) {
      return Gemm<T>{.rows = conv.filters,
                     .inner = conv.length,
                     .columns = places,
                     .a = {conv.filters_of(weight.data<T>(), group), conv.length, 1},
                     .b = {columns, places, 1},
                     .bias = nullptr,
                     .c = to,
                     .c_row = places};
    };
    const GemmCode<T>& code = *gemm_codes<T>()[0];
    const std::int64_t runs = runs_for(conv.cost(), conv.frame.images * groups);
    Scratch<T> scratch(conv, runs, gemm_scratch(code, product(nullptr, 0, nullptr)));
    if (!conv.frame.covers()) scratch.clear();
    T* to = result.mutable_data<T>();
    for_each_image(conv, runs, [&](std::int64_t n, std::int64_t group, std::int64_t run) {
      read_windows(conv.frame, conv.elements, 0, conv.length,
                   conv.image_of(images.data<T>(), n, group), scratch.columns(run));
      run_gemm(code, product(scratch.columns(run), group, conv.result_of(to, n, group)), 0,
               conv.filters, scratch.packed(run));
    });
  });
  return result;
}

Tensor conv2d_image(const Tensor& cotangent, const Tensor& filters, const Shape& image,
                    const Window& window, std::int64_t groups) {
  const Convolution conv("conv2d_image", image, filters.shape(), window, groups);
  check_dtypes("conv2d_image", cotangent, filters);
  check_cotangent("conv2d_image", conv, cotangent);
  Tensor result = Tensor::zeros(image, cotangent.dtype());
  if (result.size() == 0 || conv.filters == 0) return result;
  const Tensor slopes = cotangent.contiguous();
  const Tensor weight = filters.contiguous();
  dispatch(cotangent.dtype(), [&]<class T>(Type<T>) {
    const std::int64_t places = conv.frame.place_count();
    const auto product = [&](std::int64_t n, std::int64_t group, T* columns) {
      return Gemm<T>{.rows = conv.length,
                     .inner = conv.filters,
                     .columns = places,
                     .a = {conv.filters_of(weight.data<T>(), group), 1, conv.length},
                     .b = {conv.result_of(slopes.data<T>(), n, group), places, 1},
                     .bias = nullptr,
                     .c = columns,
                     .c_row = places};
    };
    const GemmCode<T>& code = *gemm_codes<T>()[0];
    const std::int64_t runs = runs_for(conv.cost(), conv.frame.images * groups);
    Scratch<T> scratch(conv, runs, gemm_scratch(code, product(0, 0, nullptr)));
    T* to = result.mutable_data<T>();
    for_each_image(conv, runs, [&](std::int64_t n, std::int64_t group, std::int64_t run) {
      run_gemm(code, product(n, group, scratch.columns(run)), 0, conv.length, scratch.packed(run));
      add_windows(conv.frame, conv.elements, 0, conv.length, scratch.columns(run),
                  conv.image_of(to, n, group));
    });
  });
  return result;
}

// One chain through all images for each element. Threads share out the elements of a filter, each
// of which is a row of X_n that no other thread needs.
Tensor conv2d_filters(const Tensor& x, const Tensor& cotangent, const Window& window,
                      std::int64_t groups) {
  if (x.rank() != 4 || cotangent.rank() != 4) {
    fail<ShapeError>("conv2d_filters: x [n, in, h, w], the cotangent [n, out, h, w]: {} · {}",
                     x.shape(), cotangent.shape());
  }
  if (groups < 1 || x.shape()[1] % groups != 0 || cotangent.shape()[1] % groups != 0) {
    fail<ShapeError>("conv2d_filters: {} groups divide the channels: x {} · cotangent {}", groups,
                     x.shape(), cotangent.shape());
  }
  window.places("conv2d_filters", x.shape());
  const Shape shape{cotangent.shape()[1], x.shape()[1] / groups, window.size[0], window.size[1]};
  const Convolution conv("conv2d_filters", x.shape(), shape, window, groups);
  check_dtypes("conv2d_filters", x, cotangent);
  check_cotangent("conv2d_filters", conv, cotangent);
  if (conv.frame.images == 0) return Tensor::zeros(shape, x.dtype());
  const Tensor images = x.contiguous();
  const Tensor slopes = cotangent.contiguous();
  Tensor result = Tensor::empty(shape, x.dtype());
  if (result.size() == 0) return result;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const std::int64_t places = conv.frame.place_count();
    T* to = result.mutable_data<T>();
    const auto product = [&](std::int64_t n, std::int64_t group, const T* columns) {
      return Gemm<T>{.rows = conv.filters,
                     .inner = places,
                     .columns = conv.length,
                     .a = {conv.result_of(slopes.data<T>(), n, group), places, 1},
                     .b = {columns, 1, places},
                     .bias = nullptr,
                     .c = conv.filters_of(to, group),
                     .c_row = conv.length,
                     .add = n > 0};
    };
    const GemmCode<T>& code = *gemm_codes<T>()[0];
    const std::int64_t runs = runs_for(conv.cost(), groups * conv.length);
    Scratch<T> scratch(conv, runs, gemm_scratch(code, product(0, 0, nullptr)));
    if (!conv.frame.covers()) scratch.clear();
    share_lines(runs, groups, conv.length, conv.cost(),
                [&](std::int64_t group, std::int64_t first, std::int64_t last, std::int64_t run) {
                  for (std::int64_t n = 0; n < conv.frame.images; ++n) {
                    read_windows(conv.frame, conv.elements, first, last,
                                 conv.image_of(images.data<T>(), n, group), scratch.columns(run));
                    const Gemm<T> whole = product(n, group, scratch.columns(run));
                    run_gemm(code, whole.part(first, last), 0, conv.filters, scratch.packed(run));
                  }
                });
  });
  return result;
}

}  // namespace taskgrad::kernels
