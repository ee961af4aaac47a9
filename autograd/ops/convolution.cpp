// y = conv2d(x, w) is linear in both, and so are its derivatives dx = conv2d_image(g, w) and
// dw = conv2d_filters(x, g): the rule of each of the three is the other two.
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

namespace taskgrad {
namespace {

using kernels::Window;
using samples::numbers;
using samples::scattered;

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

Var image_from(const Var& g, const Var& filters, const Shape& image, const Conv2dOptions& options);
Var filters_from(const Var& x, const Var& g, const Window::Pair& size,
                 const Conv2dOptions& options);

// The same cases serve all three as samples.
struct Case {
  const char* label;
  Shape image, filters;
  Conv2dOptions options;
};
List<Case> cases() {
  const Shape image{2, 2, 4, 5};
  return {{"plain", image, {3, 2, 3, 2}, {}},
          {"stride", image, {3, 2, 3, 2}, {.stride = {2, 1}}},
          {"padding", image, {3, 2, 3, 2}, {.padding = {1, 2}}},
          {"dilation", image, {3, 2, 2, 2}, {.dilation = {2, 3}}},
          {"groups", image, {4, 1, 2, 2}, {.groups = 2}},
          {"all options",
           image,
           {2, 1, 2, 2},
           {.stride = {2, 2}, .padding = {1, 1}, .dilation = {2, 1}, .groups = 2}},
          {"no image", {0, 2, 4, 5}, {3, 2, 3, 2}, {}}};
}
Case random_case(Draw& draw) {
  const auto pair = [&](std::int64_t low, std::int64_t high) {
    return Window::Pair{draw.integer(low, high), draw.integer(low, high)};
  };
  const Window::Pair size = pair(1, 3);
  const std::int64_t groups = draw.integer(1, 2);
  const std::int64_t channels = draw.integer(1, 2);
  const std::int64_t filters = draw.integer(1, 2);
  return {"random",
          {draw.integer(1, 3), groups * channels, 5, 6},
          {groups * filters, channels, size[0], size[1]},
          {pair(1, 2), pair(0, 1), pair(1, 2), groups}};
}

enum class Operand { image, filters, result };
Shape shape_of(Operand operand, const Case& c) {
  if (operand == Operand::image) return c.image;
  if (operand == Operand::filters) return c.filters;
  const Window window = window_of(c.options, size_of(c.filters));
  const Window::Pair places = window.places("conv2d", c.image);
  return {c.image[0], c.filters[0], places[0], places[1]};
}

template <class AttrsOf>
Samples convolution_samples(Operand first, Operand second, const AttrsOf& attrs_of) {
  Samples all;
  for (const Case& c : cases()) {
    const Tensor a = numbers(shape_of(first, c), -2, 2);
    const Tensor b = numbers(shape_of(second, c), -2, 2, 2);
    all.good.push_back({c.label, {a, b}, attrs_of(c)});
    if (all.good.size() > 1) continue;
    all.good.push_back({"unpacked", {scattered(a), scattered(b)}, attrs_of(c)});
  }
  all.random = [=](Draw& draw) {
    const Case c = random_case(draw);
    return Sample{"random",
                  {draw.numbers(shape_of(first, c)), draw.numbers(shape_of(second, c))},
                  attrs_of(c)};
  };
  return all;
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
    Samples all = convolution_samples(Operand::image, Operand::filters,
                                      [](const Case& c) { return c.options; });
    const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
    const Tensor w = numbers({3, 2, 3, 2}, -2, 2, 2);
    all.bad = {{"channels", {numbers({2, 3, 4, 5}, 0, 1), w}, Attrs{}},
               {"groups", {x, w}, Attrs{.groups = 2}},
               {"not an image", {numbers({4, 5}, 0, 1), w}, Attrs{}},
               {"not filters", {x, numbers({4, 5}, 0, 1)}, Attrs{}},
               {"the filter is larger", {numbers({2, 2, 2, 5}, 0, 1), w}, Attrs{}}};
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
    const Window window = window_of(a.options, size_of(filters.shape()));
    return kernels::conv2d_image(g, filters, a.image, window, a.options.groups);
  }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    const Conv2dOptions& options = c.attrs<Conv2dImage>().options;
    if (c.needs(0)) out[0] = conv2d(h, c.input(1), options);
    if (c.needs(1)) out[1] = filters_from(h, c.input(0), size_of(c.input_shape(1)), options);
  }
  static Samples samples() {
    const auto attrs_of = [](const Case& c) { return Attrs{c.image, c.options}; };
    Samples all = convolution_samples(Operand::result, Operand::filters, attrs_of);
    const Tensor g = numbers({2, 3, 2, 4}, -2, 2);
    const Tensor w = numbers({3, 2, 3, 2}, -2, 2, 2);
    const Attrs plain{{2, 2, 4, 5}, {}};
    all.bad = {{"another result", {numbers({2, 3, 4, 2}, 0, 1), w}, plain},
               {"channels", {g, numbers({3, 1, 3, 2}, 0, 1)}, plain}};
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
    const auto attrs_of = [](const Case& c) { return Attrs{size_of(c.filters), c.options}; };
    Samples all = convolution_samples(Operand::image, Operand::result, attrs_of);
    const Tensor x = numbers({2, 2, 4, 5}, -2, 2);
    const Tensor g = numbers({2, 3, 2, 4}, -2, 2, 2);
    const Attrs plain{{3, 2}, {}};
    all.bad = {{"another result", {x, numbers({2, 3, 4, 2}, 0, 1)}, plain},
               {"not an image", {numbers({4, 5}, 0, 1), g}, plain},
               {"groups", {x, g}, Attrs{{3, 2}, {.groups = 2}}},
               {"no group", {x, g}, Attrs{{3, 2}, {.groups = 0}}}};
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

}  // namespace

Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options) {
  return apply<Conv2d>(options, x, weight);
}

}  // namespace taskgrad
