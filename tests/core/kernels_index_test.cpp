// Against plain loops over indices, in every layout and on every number of threads.
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/labels.h>

#include "testing.h"
#include <limits>
#include <vector>

namespace taskgrad {
namespace {

using namespace testing;

std::vector<std::int64_t> listed(const Labels& labels) {
  return {labels.values().begin(), labels.values().end()};
}

TEST_CASE("labels: they have a shape and share their numbers") {
  const std::int64_t values[] = {3, 1, 2, 0, 5, 4};
  const Labels grid({2, 3}, values);
  const Labels copy = grid;
  CHECK(copy.shape() == Shape{2, 3});
  CHECK(copy.values().data() == grid.values().data());
  CHECK(grid[4] == 5);
  CHECK(Labels{7, 8}.shape() == Shape{2});
  CHECK(Labels().size() == 0);
  CHECK(text_of<ShapeError>([&] { Labels({7}, values); }) ==
        "Labels: [7] has 7 elements: 6 were given");
}

TEST_CASE("gather and scatter_add: each element where its label says") {
  const std::int64_t values[] = {2, 0, 2, 1, 1, 2};
  const Labels labels({3, 2}, values);
  for (const DType dtype : kDTypes) {
    const Tensor x = numbers({2, 3, 4}, dtype);
    for (const Tensor& layout : layouts(x)) {
      const Tensor found = kernels::gather(layout, labels, 1);
      REQUIRE(found.shape() == Shape{2, 3, 2, 4});
      for_each_index(found.shape(), [&](const auto& i) {
        const std::int64_t label = labels[i[1] * 2 + i[2]];
        CHECK(at(found, i) == at(x, {i[0], label, i[3]}));
      });
    }
    const Tensor y = numbers({2, 3, 2, 4}, dtype, 5);
    for (const Tensor& layout : layouts(y)) {
      const Tensor found = kernels::scatter_add(layout, labels, 1, 3);
      REQUIRE(found.shape() == Shape{2, 3, 4});
      for_each_index(found.shape(), [&](const auto& i) {
        double expected = 0;
        for (std::int64_t a = 0; a < 3; ++a) {
          for (std::int64_t b = 0; b < 2; ++b) {
            if (labels[a * 2 + b] == i[1]) expected += at(y, {i[0], a, b, i[2]});
          }
        }
        CHECK(at(found, i) == doctest::Approx(expected).epsilon(1e-6));
      });
    }
  }
}

TEST_CASE("gather and scatter_add: equal bits on every number of threads") {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < 500; ++i) values.push_back(i * 7 % 50);
  const Labels labels{std::span<const std::int64_t>(values)};
  const Tensor x = numbers({40, 50, 30}, DType::f32);
  const Tensor y = numbers({40, 500, 30}, DType::f32);
  check_every_thread_count([&] { return kernels::gather(x, labels, 1); });
  check_every_thread_count([&] { return kernels::scatter_add(y, labels, 1, 50); });
}

TEST_CASE("scatter_add: what does not fit is refused by name") {
  const Tensor x = Tensor::zeros({4, 2}, DType::f64);
  const std::int64_t grid[] = {1, 0, 2, 2, 1, 0};
  CHECK(text_of<ShapeError>([&] {
          kernels::scatter_add(Tensor::zeros({2}, DType::f64), Labels({2, 3}, grid), 0, 3);
        }) == "scatter_add: x has the axes of the labels: x [2] · labels [2, 3]");
  CHECK(text_of<ShapeError>([&] {
          kernels::scatter_add(x, {2, 0, 2}, 0, 3);
        }) == "scatter_add: x has the axes of the labels from axis 0 on: x [4, 2] · labels [3]");
  CHECK(text_of<ShapeError>([&] {
          kernels::scatter_add(x, {2, 0, 2, 1}, 0, -1);
        }) == "scatter_add: the extent must not be negative: -1");
  CHECK(text_of<ShapeError>([&] {
          kernels::scatter_add(x, {2, 0, 2, 1}, 0, 2);
        }) == "scatter_add: labels must lie in [0, 2): number 0 is 2");
}

TEST_CASE("one_hot: a row a label") {
  CHECK(kernels::one_hot({1, 0}, 3, DType::f32).values() == std::vector<double>{0, 1, 0, 1, 0, 0});
  CHECK(kernels::one_hot(Labels(), 3, DType::f64).shape() == Shape{0, 3});
  CHECK(text_of<ShapeError>([] {
          kernels::one_hot({1, 3}, 3, DType::f64);
        }) == "one_hot: labels must lie in [0, 3): number 1 is 3");
  CHECK(text_of<ShapeError>([] { kernels::one_hot(Labels(), -1, DType::f64); }) ==
        "one_hot: the classes must not be negative: -1");
}

TEST_CASE("argmax: along every axis against a search") {
  const Shape shape{3, 4, 5};
  const Tensor x = numbers(shape, DType::f64);
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    const Labels found = kernels::argmax(x, axis);
    std::size_t next = 0;
    testing::for_each_index(found.shape(), [&](const auto& place) {
      std::array<std::int64_t, kMaxRank> index{};
      for (int at = 0, from = 0; at < 3; ++at) {
        if (at != axis)
          index[static_cast<std::size_t>(at)] = place[static_cast<std::size_t>(from++)];
      }
      std::int64_t best = 0;
      double largest = -1e300;
      for (std::int64_t at = 0; at < shape[axis]; ++at) {
        index[static_cast<std::size_t>(axis)] = at;
        const double value = testing::at(x, index);
        if (value > largest) best = at;
        largest = std::max(largest, value);
      }
      CHECK(found.values()[next++] == best);
    });
  }
}

TEST_CASE("argmax: the first of the largest along an axis, and NaN above all") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = Tensor::from({2, 3}, {1, 5, 5, nan, 7, nan}, DType::f64);
  CHECK(listed(kernels::argmax(x, 1)) == std::vector<std::int64_t>{1, 0});
  CHECK(listed(kernels::argmax(x, -2)) == std::vector<std::int64_t>{1, 1, 1});
  CHECK(kernels::argmax(numbers({2, 3, 4}, DType::f32), 1).shape() == Shape{2, 4});
  CHECK(text_of<ShapeError>([] {
          kernels::argmax(Tensor::zeros({2, 0}, DType::f64), 1);
        }) == "argmax: the axis must not be empty: axis 1 of [2, 0]");
}

}  // namespace
}  // namespace taskgrad
