// Windows against plain loops over every pixel.
#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <algorithm>
#include <limits>

namespace taskgrad {
namespace {

using namespace testing;
using kernels::Window;

const Window kWindows[] = {
    {.size = {3, 2}},
    {.size = {2, 3}, .stride = {2, 1}, .padding = {1, 2}},
    {.size = {2, 2}, .stride = {1, 3}, .padding = {0, 1}, .dilation = {3, 2}},
};

// Calls f(place y, place x, row, column, pixel y, pixel x) for every element of every window.
template <class F>
void for_each_element(const Window& window, const Window::Pair& places, const F& f) {
  for (std::int64_t py = 0; py < places[0]; ++py) {
    for (std::int64_t px = 0; px < places[1]; ++px) {
      for (std::int64_t row = 0; row < window.size[0]; ++row) {
        for (std::int64_t column = 0; column < window.size[1]; ++column) {
          f(py, px, row, column,
            py * window.stride[0] + row * window.dilation[0] - window.padding[0],
            px * window.stride[1] + column * window.dilation[1] - window.padding[1]);
        }
      }
    }
  }
}

TEST_CASE("im2col: what lies under each element of the window, zeros beyond the border") {
  const Shape image{2, 3, 5, 6};
  for (const Window& window : kWindows) {
    const Window::Pair places = window.places("test", image);
    for (const DType dtype : kDTypes) {
      const Tensor x = numbers(image, dtype);
      for (const Tensor& layout : layouts(x)) {
        const Tensor found = kernels::im2col(layout, window);
        REQUIRE(found.shape() ==
                Shape{2, 3 * window.size[0] * window.size[1], places[0] * places[1]});
        for_each_element(
            window, places, [&](auto py, auto px, auto row, auto column, auto y, auto z) {
              const bool inside = y >= 0 && y < 5 && z >= 0 && z < 6;
              const std::int64_t line =
                  (2 * window.size[0] + row) * window.size[1] + column;  // of the last channel
              CHECK(at(found, {1, line, py * places[1] + px}) ==
                    (inside ? at(x, {1, 2, y, z}) : 0));
            });
      }
    }
  }
}

TEST_CASE("col2im: every window's contents added to the image") {
  const Shape image{2, 3, 5, 6};
  for (const Window& window : kWindows) {
    const Window::Pair places = window.places("test", image);
    const Tensor columns =
        numbers({2, 3 * window.size[0] * window.size[1], places[0] * places[1]}, DType::f64);
    Tensor expected = Tensor::zeros({5, 6}, DType::f64);
    for_each_element(window, places, [&](auto py, auto px, auto row, auto column, auto y, auto z) {
      if (y < 0 || y >= 5 || z < 0 || z >= 6) return;
      const std::int64_t line = (window.size[0] + row) * window.size[1] + column;
      expected.mutable_data<double>()[y * 6 + z] += at(columns, {0, line, py * places[1] + px});
    });
    const Tensor found = kernels::col2im(columns, image, window);
    for_each_index({5, 6}, [&](const auto& i) {
      CHECK(at(found, {0, 1, i[0], i[1]}) == doctest::Approx(at(expected, i)).epsilon(1e-14));
    });
  }
}

TEST_CASE("max_in_window: the first of the largest, NaN above all") {
  Tensor x = Tensor::from({1, 1, 2, 4}, {1, 3, 0, 2, 3, 3, 2, 1}, DType::f64);
  const Window window{.size = {2, 2}, .stride = {2, 2}};
  const auto found = [&] {
    const Labels labels = kernels::max_in_window(x, window);
    return std::vector<std::int64_t>(labels.values().begin(), labels.values().end());
  };
  CHECK(found() == std::vector<std::int64_t>{1, 3});
  x.mutable_data<double>()[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK(found() == std::vector<std::int64_t>{4, 3});
  CHECK(kernels::max_in_window(numbers({2, 3, 5, 5}, DType::f32), window).shape() ==
        Shape{2, 3, 2, 2});
}

TEST_CASE("max_in_window: as plain loops find it, in rows of many places, with borders and gaps") {
  const Shape image{2, 2, 7, 300};
  for (const Window& window : kWindows) {
    const Window::Pair places = window.places("test", image);
    for (const DType dtype : kDTypes) {
      const Tensor x = numbers(image, dtype);
      const std::vector<double> values = x.values();
      const Labels found = kernels::max_in_window(x, window);
      for (std::int64_t plane = 0; plane < 4; ++plane) {
        std::vector<std::int64_t> expected(static_cast<std::size_t>(places[0] * places[1]), -1);
        for_each_element(window, places, [&](auto py, auto px, auto, auto, auto y, auto z) {
          if (y < 0 || y >= 7 || z < 0 || z >= 300) return;
          std::int64_t& best = expected[static_cast<std::size_t>(py * places[1] + px)];
          const std::int64_t here = (plane * 7 + y) * 300 + z;
          const auto value = [&](std::int64_t at) { return values[static_cast<std::size_t>(at)]; };
          if (best < 0 || value(here) > value(best)) best = here;
        });
        const auto part = found.values().begin() + plane * places[0] * places[1];
        CHECK(std::equal(expected.begin(), expected.end(), part));
      }
    }
  }
  CHECK(kernels::max_in_window(Tensor::zeros({0, 1, 1, 1}, DType::f32),
                               {.size = {1 << 20, 1 << 20}, .padding = {1 << 19, 1 << 19}})
            .values()
            .empty());
}

TEST_CASE("windows: equal bits on every number of threads") {
  const Shape image{8, 16, 20, 20};
  const Window window{.size = {3, 3}, .padding = {1, 1}};
  const Tensor x = numbers(image, DType::f32);
  const Tensor columns = kernels::im2col(x, window);
  check_every_thread_count([&] { return kernels::im2col(x, window); });
  check_every_thread_count([&] { return kernels::col2im(columns, image, window); });
  const auto flat = [](const Labels& labels) {
    return std::vector<double>(labels.values().begin(), labels.values().end());
  };
  check_every_thread_count([&] {
    const std::vector<double> places = flat(kernels::max_in_window(x, window));
    return Tensor::from({static_cast<std::int64_t>(places.size())}, places, DType::f64);
  });
}

TEST_CASE("windows: what makes no sense is refused by name") {
  const Tensor x = Tensor::zeros({1, 1, 4, 4}, DType::f64);
  CHECK(text_of<ShapeError>([&] {
          kernels::im2col(x, {.size = {5, 2}});
        }) ==
        "im2col: the window must fit the image: image [1, 1, 4, 4] padded by 0 · window of 5");
  CHECK(text_of<ShapeError>([&] {
          kernels::im2col(x, {.size = {0, 2}});
        }) ==
        "im2col: size, stride and dilation lie in [1, 1073741824], padding in [0, 1073741824]: "
        "size 0 · stride 1 · "
        "dilation 1 · padding 0");
  CHECK(text_of<ShapeError>([&] {
          kernels::max_in_window(x, {.size = {2, 2}, .padding = {2, 0}});
        }) ==
        "max_pool2d: every window must touch the image: image [1, 1, 4, 4] · padding 2 and 0");
  CHECK(text_of<ShapeError>([] {
          kernels::im2col(Tensor::zeros({4, 4}, DType::f64), {});
        }) == "im2col: images are [n, channels, height, width]: shape [4, 4]");
  CHECK(text_of<ShapeError>([] {
          kernels::col2im(Tensor::zeros({2, 12, 9}, DType::f64), {2, 2, 4, 5}, {.size = {3, 2}});
        }) == "col2im: columns are those of the image [2, 2, 4, 5]: [2, 12, 8] · [2, 12, 9]");
}

}  // namespace
}  // namespace taskgrad
