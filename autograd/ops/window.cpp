#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

namespace taskgrad {
namespace {

using kernels::Window;
using samples::numbers;
using samples::scattered;

Window random_window(Draw& draw) {
  const auto pair = [&](std::int64_t low, std::int64_t high) {
    return Window::Pair{draw.integer(low, high), draw.integer(low, high)};
  };
  return {.size = pair(1, 3), .stride = pair(1, 2), .padding = pair(0, 1), .dilation = pair(1, 2)};
}

// Large enough for any window that is drawn.
Shape random_image(Draw& draw) {
  return {draw.integer(1, 3), draw.integer(1, 2), draw.integer(5, 6), draw.integer(5, 6)};
}

Var im2col(const Var& x, const Window& window);

struct Col2im {
  static constexpr OpInfo info{
      .name = "col2im", .formula = "adds up what windows hold; im2col(dx)", .linear = 1};
  struct Attrs {
    Shape image;
    Window window;
  };
  static Tensor forward(const Attrs& a, const Tensor& columns) {
    return kernels::col2im(columns, a.image, a.window);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = im2col(g, c.attrs<Col2im>().window);
  }
  static Samples samples() {
    const Shape image{2, 2, 4, 5};
    const Window plain{.size = {3, 2}};
    const Window odd{.size = {2, 3}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {2, 1}};
    const auto columns = [&](const Window& window) {
      return numbers(kernels::im2col(Tensor::zeros(image, DType::f64), window).shape(), -2, 2);
    };
    return {.good = {{"plain", {columns(plain)}, Attrs{image, plain}},
                     {"all options", {columns(odd)}, Attrs{image, odd}},
                     {"unpacked", {scattered(columns(plain))}, Attrs{image, plain}},
                     {"no image", {numbers({0, 12, 8}, 0, 1)}, Attrs{{0, 2, 4, 5}, plain}}},
            .bad = {{"other columns", {numbers({2, 12, 9}, 0, 1)}, Attrs{image, plain}},
                    {"not an image", {columns(plain)}, Attrs{{4, 5}, plain}}},
            .random = [](Draw& draw) {
              const Shape drawn = random_image(draw);
              const Window window = random_window(draw);
              const Tensor like = kernels::im2col(Tensor::zeros(drawn, DType::f64), window);
              return Sample{"random", {draw.numbers(like.shape())}, Attrs{drawn, window}};
            }};
  }
};
const Registered<Col2im> registered_col2im;

struct Im2col {
  static constexpr OpInfo info{
      .name = "im2col", .formula = "what windows hold, a column each; col2im(dx)", .linear = 1};
  struct Attrs {
    Window window;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::im2col(x, a.window); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = apply<Col2im>({c.input_shape(0), c.attrs<Im2col>().window}, g);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
    const Window odd{.size = {2, 3}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {2, 1}};
    return {.good = {{"plain", {x}, Attrs{{.size = {3, 2}}}},
                     {"all options", {x}, Attrs{odd}},
                     {"one place", {x}, Attrs{{.size = {4, 5}}}},
                     {"unpacked", {scattered(x)}, Attrs{{.size = {2, 2}}}},
                     {"no image", {numbers({0, 2, 4, 5}, 0, 1)}, Attrs{{.size = {3, 2}}}}},
            .bad = {{"the window is larger", {x}, Attrs{{.size = {5, 2}}}},
                    {"not an image", {numbers({4, 5}, 0, 1)}, Attrs{{.size = {2, 2}}}},
                    {"no stride", {x}, Attrs{{.size = {2, 2}, .stride = {0, 1}}}},
                    {"negative padding", {x}, Attrs{{.size = {2, 2}, .padding = {0, -1}}}}},
            .random =
                [](Draw& draw) {
                  return Sample{
                      "random", {draw.numbers(random_image(draw))}, Attrs{random_window(draw)}};
                },
            .batched = {0}};
  }
};
const Registered<Im2col> registered_im2col;

Var im2col(const Var& x, const Window& window) { return apply<Im2col>({window}, x); }

Window window_of(const Conv2dOptions& options, const Window::Pair& size) {
  return {.size = size,
          .stride = options.stride,
          .padding = options.padding,
          .dilation = options.dilation};
}
// The size of filters [out, in, h, w]; of what is none, any: the kernel refuses it.
Window::Pair size_of(const Shape& filters) {
  return filters.rank() == 4 ? Window::Pair{filters[2], filters[3]} : Window::Pair{1, 1};
}

// y = conv2d(x, w) is linear in both, and so are its derivatives dx = conv2d_image(g, w) and
// dw = conv2d_filters(x, g): the rule of each of the three is the other two.
Var image_from(const Var& g, const Var& filters, const Shape& image, const Conv2dOptions& options);
Var filters_from(const Var& x, const Var& g, const Window::Pair& size,
                 const Conv2dOptions& options);

// Names of samples, which all three share, with what makes them.
struct ConvolutionCase {
  const char* label;
  Shape image, filters;
  Conv2dOptions options;
};
List<ConvolutionCase> convolution_cases() {
  const Shape image{2, 2, 4, 5};
  const Conv2dOptions all{.stride = {2, 2}, .padding = {1, 1}, .dilation = {2, 1}, .groups = 2};
  return {{"plain", image, {3, 2, 3, 2}, {}},
          {"stride", image, {3, 2, 3, 2}, {.stride = {2, 1}}},
          {"padding", image, {3, 2, 3, 2}, {.padding = {1, 2}}},
          {"dilation", image, {3, 2, 2, 2}, {.dilation = {2, 3}}},
          {"groups", image, {4, 1, 2, 2}, {.groups = 2}},
          {"all options", image, {2, 1, 2, 2}, all},
          {"no image", {0, 2, 4, 5}, {3, 2, 3, 2}, {}}};
}
ConvolutionCase random_convolution(Draw& draw) {
  const Window window = random_window(draw);
  const std::int64_t groups = draw.integer(1, 2);
  const std::int64_t channels = draw.integer(1, 2);
  const std::int64_t filters = draw.integer(1, 2);
  return {"random",
          {draw.integer(1, 3), groups * channels, 5, 6},
          {groups * filters, channels, window.size[0], window.size[1]},
          {window.stride, window.padding, window.dilation, groups}};
}
Shape result_of(const ConvolutionCase& c) {
  const Window window = window_of(c.options, size_of(c.filters));
  const Window::Pair places = window.places("conv2d", c.image);
  return {c.image[0], c.filters[0], places[0], places[1]};
}

struct Conv2d {
  static constexpr OpInfo info{
      .name = "conv2d", .formula = "y = x * w (cross-correlation); dx * w + x * dw", .linear = 2};
  using Attrs = Conv2dOptions;
  static Tensor forward(const Attrs& a, const Tensor& x, const Tensor& filters) {
    return kernels::conv2d(x, filters, window_of(a, size_of(filters.shape())), a.groups);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Conv2d>();
    if (c.needs(0)) out[0] = image_from(g, c.input(1), c.input_shape(0), a);
    if (c.needs(1)) out[1] = filters_from(c.input(0), g, size_of(c.input_shape(1)), a);
  }
  static Samples samples() {
    Samples all;
    for (const ConvolutionCase& c : convolution_cases()) {
      all.good.push_back(
          {c.label, {numbers(c.image, -2, 2), numbers(c.filters, -2, 2, 2)}, c.options});
    }
    const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
    const Tensor w = numbers({3, 2, 3, 2}, -2, 2, 2);
    all.good.push_back({"unpacked", {scattered(x), scattered(w)}, Attrs{}});
    all.bad = {{"channels", {numbers({2, 3, 4, 5}, 0, 1), w}, Attrs{}},
               {"groups", {x, w}, Attrs{.groups = 2}},
               {"not an image", {numbers({4, 5}, 0, 1), w}, Attrs{}},
               {"not filters", {x, numbers({4, 5}, 0, 1)}, Attrs{}},
               {"the filter is larger", {numbers({2, 2, 2, 5}, 0, 1), w}, Attrs{}}};
    all.random = [](Draw& draw) {
      const ConvolutionCase c = random_convolution(draw);
      return Sample{"random", {draw.numbers(c.image), draw.numbers(c.filters)}, c.options};
    };
    all.batched = {0};
    return all;
  }
};
const Registered<Conv2d> registered_conv2d;

struct Conv2dImage {
  static constexpr OpInfo info{.name = "conv2d_image",
                               .formula = "cotangent of the image of conv2d; dg and dw alike",
                               .linear = 2};
  struct Attrs {
    Shape image;
    Conv2dOptions options;
  };
  static Tensor forward(const Attrs& a, const Tensor& g, const Tensor& filters) {
    return kernels::conv2d_image(g, filters, a.image,
                                 window_of(a.options, size_of(filters.shape())), a.options.groups);
  }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    const Conv2dOptions& options = c.attrs<Conv2dImage>().options;
    if (c.needs(0)) out[0] = conv2d(h, c.input(1), options);
    if (c.needs(1)) out[1] = filters_from(h, c.input(0), size_of(c.input_shape(1)), options);
  }
  static Samples samples() {
    Samples all;
    for (const ConvolutionCase& c : convolution_cases()) {
      all.good.push_back({c.label,
                          {numbers(result_of(c), -2, 2), numbers(c.filters, -2, 2, 2)},
                          Attrs{c.image, c.options}});
    }
    const Shape image{2, 2, 4, 5};
    const Tensor g = numbers({2, 3, 2, 4}, -2, 2);
    const Tensor w = numbers({3, 2, 3, 2}, -2, 2, 2);
    all.good.push_back({"unpacked", {scattered(g), scattered(w)}, Attrs{image, {}}});
    all.bad = {{"another result", {numbers({2, 3, 4, 2}, 0, 1), w}, Attrs{image, {}}},
               {"channels", {g, numbers({3, 1, 3, 2}, 0, 1)}, Attrs{image, {}}}};
    all.random = [](Draw& draw) {
      const ConvolutionCase c = random_convolution(draw);
      return Sample{"random",
                    {draw.numbers(result_of(c)), draw.numbers(c.filters)},
                    Attrs{c.image, c.options}};
    };
    return all;
  }
};
const Registered<Conv2dImage> registered_conv2d_image;

struct Conv2dFilters {
  static constexpr OpInfo info{.name = "conv2d_filters",
                               .formula = "cotangent of the filters of conv2d; dx and dg alike",
                               .linear = 2};
  struct Attrs {
    Window::Pair size;
    Conv2dOptions options;
  };
  static Tensor forward(const Attrs& a, const Tensor& x, const Tensor& g) {
    return kernels::conv2d_filters(x, g, window_of(a.options, a.size), a.options.groups);
  }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    const Conv2dOptions& options = c.attrs<Conv2dFilters>().options;
    if (c.needs(0)) out[0] = image_from(c.input(1), h, c.input_shape(0), options);
    if (c.needs(1)) out[1] = conv2d(c.input(0), h, options);
  }
  static Samples samples() {
    Samples all;
    for (const ConvolutionCase& c : convolution_cases()) {
      all.good.push_back({c.label,
                          {numbers(c.image, -2, 2), numbers(result_of(c), -2, 2, 2)},
                          Attrs{size_of(c.filters), c.options}});
    }
    const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
    const Tensor g = numbers({2, 3, 2, 4}, -2, 2, 2);
    const Attrs plain{{3, 2}, {}};
    all.good.push_back({"unpacked", {scattered(x), scattered(g)}, plain});
    all.bad = {{"another result", {x, numbers({2, 3, 4, 2}, 0, 1)}, plain},
               {"not an image", {numbers({4, 5}, 0, 1), g}, plain},
               {"groups", {x, g}, Attrs{{3, 2}, {.groups = 2}}},
               {"no group", {x, g}, Attrs{{3, 2}, {.groups = 0}}}};
    all.random = [](Draw& draw) {
      const ConvolutionCase c = random_convolution(draw);
      return Sample{"random",
                    {draw.numbers(c.image), draw.numbers(result_of(c))},
                    Attrs{size_of(c.filters), c.options}};
    };
    return all;
  }
};
const Registered<Conv2dFilters> registered_conv2d_filters;

Var image_from(const Var& g, const Var& filters, const Shape& image, const Conv2dOptions& options) {
  return apply<Conv2dImage>({image, options}, g, filters);
}
Var filters_from(const Var& x, const Var& g, const Window::Pair& size,
                 const Conv2dOptions& options) {
  return apply<Conv2dFilters>({size, options}, x, g);
}

Window pooling(const Pool2dOptions& options) {
  const bool given = options.stride[0] != 0 || options.stride[1] != 0;
  return {.size = options.size,
          .stride = given ? options.stride : options.size,
          .padding = options.padding};
}

Samples pool_samples() {
  using Attrs = Pool2dOptions;
  const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
  return {.good = {{"plain", {x}, Attrs{.size = {2, 2}}},
                   {"overlapping", {x}, Attrs{.size = {3, 2}, .stride = {1, 1}}},
                   {"padding", {x}, Attrs{.size = {2, 3}, .padding = {1, 1}}},
                   {"the whole image", {x}, Attrs{.size = {4, 5}}},
                   {"no image", {numbers({0, 2, 4, 5}, 0, 1)}, Attrs{.size = {2, 2}}},
                   {"unpacked", {scattered(x)}, Attrs{.size = {2, 2}}}},
          .bad = {{"the window is larger", {x}, Attrs{.size = {5, 2}}},
                  {"not an image", {numbers({4, 5}, 0, 1)}, Attrs{.size = {2, 2}}}},
          .random =
              [](Draw& draw) {
                const Window window = random_window(draw);
                const std::int64_t pad = draw.integer(0, 1);
                return Sample{"random",
                              {draw.numbers(random_image(draw))},
                              Attrs{.size = {window.size[0] + 1, window.size[1] + 1},
                                    .stride = window.stride,
                                    .padding = {pad, pad}}};
              },
          .batched = {0}};
}

struct MaxPool2d {
  static constexpr OpInfo info{.name = "max_pool2d",
                               .formula = "the first of the largest in each window; its dx"};
  using Attrs = Pool2dOptions;
  static Var compose(const Attrs& a, const Var& x) {
    const Labels largest = kernels::max_in_window(x.value(), pooling(a));
    return gather(reshape(x, {x.shape().size()}), largest, 0);
  }
  static Samples samples() {
    Samples all = pool_samples();
    all.bad.push_back({"a window beyond the border",
                       {numbers({1, 1, 4, 4}, 0, 1)},
                       Attrs{.size = {2, 2}, .padding = {2, 0}}});
    return all;
  }
};
const Registered<MaxPool2d> registered_max_pool2d;

struct AvgPool2d {
  static constexpr OpInfo info{.name = "avg_pool2d",
                               .formula = "mean of each window, zeros beyond the border counted"};
  using Attrs = Pool2dOptions;
  static Var compose(const Attrs& a, const Var& x) {
    const Window window = pooling(a);
    const Window::Pair places = window.places("avg_pool2d", x.shape());
    const std::int64_t size = window.size[0] * window.size[1];
    const Shape& image = x.shape();
    const Var columns =
        reshape(im2col(x, window), {image[0], image[1], size, places[0] * places[1]});
    const int window_axis[] = {2};
    return reshape(mean(columns, window_axis), {image[0], image[1], places[0], places[1]});
  }
  static Samples samples() { return pool_samples(); }
};
const Registered<AvgPool2d> registered_avg_pool2d;

}  // namespace

Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options) {
  return apply<Conv2d>(options, x, weight);
}
Var max_pool2d(const Var& x, const Pool2dOptions& options) {
  return compose<MaxPool2d>(options, x);
}
Var avg_pool2d(const Var& x, const Pool2dOptions& options) {
  return compose<AvgPool2d>(options, x);
}

}  // namespace taskgrad
