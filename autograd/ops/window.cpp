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

Var max_pool2d(const Var& x, const Pool2dOptions& options) {
  return compose<MaxPool2d>(options, x);
}
Var avg_pool2d(const Var& x, const Pool2dOptions& options) {
  return compose<AvgPool2d>(options, x);
}

}  // namespace taskgrad
