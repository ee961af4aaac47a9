// Convolutions against plain loops over every pixel.
#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <array>
#include <cmath>
#include <string>

namespace taskgrad {
namespace {

using namespace testing;
using kernels::Window;

using Index = std::array<std::int64_t, kMaxRank>;

struct Case {
  Shape image, filters;
  Window window;
  std::int64_t groups = 1;
};

const Case kCases[] = {
    {{2, 3, 5, 6}, {4, 3, 3, 2}, {.size = {3, 2}}},
    {{2, 4, 6, 5}, {6, 2, 2, 3}, {.size = {2, 3}, .stride = {2, 1}, .padding = {1, 2}}, 2},
    {{3, 4, 6, 7}, {4, 1, 2, 2}, {.size = {2, 2}, .padding = {0, 1}, .dilation = {3, 2}}, 4},
    {{1, 1, 3, 30}, {2, 1, 2, 3}, {.size = {2, 3}}},  // rows of several vectors
};

Shape result_shape(const Case& c) {
  const Window::Pair places = c.window.places("test", c.image);
  return {c.image[0], c.filters[0], places[0], places[1]};
}

// Calls f(n, out, py, px, in, row, column, y, x) for each product of which a result is the sum,
// `in` counted within the group.
template <class F>
void for_each_product(const Case& c, const F& f) {
  const Window::Pair places = c.window.places("test", c.image);
  for_each_index({c.image[0], c.filters[0], places[0], places[1]}, [&](const auto& at) {
    for_each_index({c.filters[1], c.filters[2], c.filters[3]}, [&](const auto& k) {
      const std::int64_t y =
          at[2] * c.window.stride[0] + k[1] * c.window.dilation[0] - c.window.padding[0];
      const std::int64_t x =
          at[3] * c.window.stride[1] + k[2] * c.window.dilation[1] - c.window.padding[1];
      if (y < 0 || y >= c.image[2] || x < 0 || x >= c.image[3]) return;
      const std::int64_t group = at[1] / (c.filters[0] / c.groups);
      f(Index{at[0], at[1], at[2], at[3]}, Index{at[1], k[0], k[1], k[2]},
        Index{at[0], group * c.filters[1] + k[0], y, x});
    });
  });
}

double& element(Tensor& x, const Index& index) {
  std::int64_t offset = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    offset = offset * x.shape()[axis] + index[static_cast<std::size_t>(axis)];
  }
  return x.mutable_data<double>()[offset];
}

void check_close(const Tensor& found, const Tensor& expected, DType dtype) {
  REQUIRE(found.shape() == expected.shape());
  const std::vector<double> a = found.values();
  const std::vector<double> b = expected.values();
  const double tolerance = dtype == DType::f32 ? 1e-4 : 1e-13;
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < tolerance);
}

TEST_CASE("conv2d: the sum of all products, and its two adjoints") {
  for (const Case& c : kCases) {
    const Tensor x = numbers(c.image, DType::f64, 1);
    const Tensor w = numbers(c.filters, DType::f64, 2);
    const Tensor g = numbers(result_shape(c), DType::f64, 3);
    Tensor y = Tensor::zeros(result_shape(c), DType::f64);
    Tensor dx = Tensor::zeros(c.image, DType::f64);
    Tensor dw = Tensor::zeros(c.filters, DType::f64);
    for_each_product(c, [&](const auto& at_y, const auto& at_w, const auto& at_x) {
      element(y, at_y) += at(w, at_w) * at(x, at_x);
      element(dx, at_x) += at(w, at_w) * at(g, at_y);
      element(dw, at_w) += at(g, at_y) * at(x, at_x);
    });
    for (const DType dtype : kDTypes) {
      for (const Tensor& image : layouts(x.to(dtype))) {
        check_close(kernels::conv2d(image, w.to(dtype), c.window, c.groups), y, dtype);
      }
      for (const Tensor& cotangent : layouts(g.to(dtype))) {
        check_close(kernels::conv2d_image(cotangent, w.to(dtype), c.image, c.window, c.groups), dx,
                    dtype);
        check_close(kernels::conv2d_filters(x.to(dtype), cotangent, c.window, c.groups), dw, dtype);
      }
    }
  }
}

TEST_CASE("conv2d: nothing to sum, and no images") {
  const Window window{.size = {2, 2}};
  const Tensor none = Tensor::zeros({2, 0, 4, 4}, DType::f64);
  const Tensor filters = Tensor::zeros({3, 0, 2, 2}, DType::f64);
  CHECK(kernels::conv2d(none, filters, window, 1).values() == std::vector<double>(54, 0.0));
  const Tensor g = numbers({2, 3, 3, 3}, DType::f64);
  CHECK(kernels::conv2d_image(g, filters, {2, 0, 4, 4}, window, 1).size() == 0);
  CHECK(kernels::conv2d_filters(none, g, window, 1).shape() == Shape{3, 0, 2, 2});
  const Tensor no_filters = Tensor::zeros({0, 2, 2, 2}, DType::f64);
  CHECK(kernels::conv2d_image(Tensor::zeros({2, 0, 3, 3}, DType::f64), no_filters, {2, 2, 4, 4},
                              window, 1)
            .values() == std::vector<double>(64, 0.0));
  CHECK(kernels::conv2d_filters(Tensor::zeros({0, 2, 4, 4}, DType::f64),
                                Tensor::zeros({0, 1, 3, 3}, DType::f64), window, 1)
            .values() == std::vector<double>(8, 0.0));
}

TEST_CASE("conv2d: equal bits on every number of threads") {
  const Window window{.size = {3, 3}, .padding = {1, 1}};
  for (const std::int64_t groups : {1, 2}) {
    const Tensor x = numbers({8, 16, 20, 20}, DType::f32, 1);
    const Tensor w = numbers({10, 16 / groups, 3, 3}, DType::f32, 2);
    const Tensor y = kernels::conv2d(x, w, window, groups);
    check_every_thread_count([&] { return kernels::conv2d(x, w, window, groups); });
    check_every_thread_count(
        [&] { return kernels::conv2d_image(y, w, x.shape(), window, groups); });
    check_every_thread_count([&] { return kernels::conv2d_filters(x, y, window, groups); });
  }
}

TEST_CASE("conv2d: what does not fit is refused by name") {
  const Window window{.size = {3, 2}};
  const Tensor x = Tensor::zeros({2, 2, 4, 5}, DType::f64);
  const Tensor w = Tensor::zeros({3, 2, 3, 2}, DType::f64);
  const Tensor g = Tensor::zeros({2, 3, 2, 4}, DType::f64);
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d(x, x, {.size = {4, 5}}, 2);
        }) == "conv2d: 2 groups divide the channels: x [2, 2, 4, 5] · weight [2, 2, 4, 5]");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d_image(g, w, {2, 2, 4}, window, 1);
        }) ==
        "conv2d_image: x [n, in, h, w], weight [out, in / groups, h, w]: [2, 2, 4] · [3, 2, 3, 2]");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d_image(x, w, {2, 2, 4, 5}, window, 1);
        }) == "conv2d_image: the cotangent is like the result [2, 3, 2, 4]: [2, 2, 4, 5]");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d(x, w, {.size = {5, 5}}, 1);
        }) ==
        "conv2d: the window must fit the image: image [2, 2, 4, 5] padded by 0 · window of 5");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d(x, w, {.size = {2, 2}}, 1);
        }) == "conv2d: the window has the size of the weight: 2 x 2 · [3, 2, 3, 2]");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d(x, w, {.size = {3, 1}}, 1);
        }) == "conv2d: the window has the size of the weight: 3 x 1 · [3, 2, 3, 2]");
  for (const std::int64_t groups : {0, 2}) {
    CHECK(text_of<ShapeError>([&] { kernels::conv2d_filters(x, g, window, groups); }) ==
          "conv2d_filters: " + std::to_string(groups) +
              " groups divide the channels: x [2, 2, 4, 5] · cotangent [2, 3, 2, 4]");
  }
  CHECK(text_of<ShapeError>([&] { kernels::conv2d_filters(x.select(0, 0), g, window, 1); }) ==
        "conv2d_filters: x [n, in, h, w], the cotangent [n, out, h, w]: [2, 4, 5] · [2, 3, 2, 4]");
  CHECK(text_of<ShapeError>([&] {
          kernels::conv2d_filters(x, g, {.size = {-1, 2}}, 1);
        }).starts_with("conv2d_filters: size, stride and dilation lie in [1, "));
  CHECK(text_of<ShapeError>([&] { kernels::conv2d_filters(x, x, window, 1); }) ==
        "conv2d_filters: the cotangent is like the result [2, 2, 2, 4]: [2, 2, 4, 5]");
  CHECK(text_of<DTypeError>([&] { kernels::conv2d(x, w.to(DType::f32), window, 1); }) ==
        "conv2d: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]");
}

}  // namespace
}  // namespace taskgrad
