#include <taskgrad/core/shape.h>

#include "testing.h"
#include <array>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

using testing::text_of;

TEST_CASE("Shape: rank, size, text and packed strides") {
  struct Row {
    Shape shape;
    int rank;
    std::int64_t size;
    std::string text;
    Strides strides;
  };
  const Row rows[] = {{{}, 0, 1, "[]", {}},
                      {{5}, 1, 5, "[5]", {1}},
                      {{2, 3, 4}, 3, 24, "[2, 3, 4]", {12, 4, 1}},
                      {{3, 0, 2}, 3, 0, "[3, 0, 2]", {0, 2, 1}},
                      {{1, 2, 1, 2, 1, 2}, 6, 8, "[1, 2, 1, 2, 1, 2]", {8, 4, 4, 2, 2, 1}}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(row.shape.rank() == row.rank);
    CHECK(row.shape.size() == row.size);
    CHECK(to_string(row.shape) == row.text);
    CHECK(row_major(row.shape) == row.strides);
  }
}

TEST_CASE("Shape: equality is rank and extents") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2, 3} == Shape{2, 3, 0});
  CHECK_FALSE(Shape{} == Shape{1});
}

TEST_CASE("Shape: set and append") {
  Shape shape{2};
  shape.append(3);
  shape.set(0, 7);
  CHECK(shape == Shape{7, 3});
}

TEST_CASE("Shape: what it refuses") {
  CHECK(text_of<ShapeError>([] { Shape{1, 1, 1, 1, 1, 1, 1}; }) ==
        "Shape: at most 6 axes: one more was given");
  CHECK(text_of<ShapeError>([] { Shape{2, -3}; }) == "Shape: extents must not be negative: -3");
  const std::int64_t wide = std::int64_t{1} << 30;
  CHECK(
      text_of<ShapeError>([&] {
        Shape{wide, wide};
      }) ==
      "Shape: at most 576460752303423488 elements: [1073741824] and another extent of 1073741824");
  CHECK_THROWS_AS((Shape{0, wide, wide}), ShapeError);
  CHECK_THROWS_AS(broadcast_shape("add", Shape{wide, 1}, Shape{1, wide}), ShapeError);
  CHECK(Shape{wide, wide / 2}.size() == kMaxElements);
}

TEST_CASE("broadcast_shape: NumPy's rule, in either order") {
  struct Row {
    Shape a, b, result;
  };
  const Row rows[] = {{{}, {}, {}},
                      {{3}, {}, {3}},
                      {{2, 3}, {3}, {2, 3}},
                      {{2, 1}, {1, 3}, {2, 3}},
                      {{2, 1}, {4, 1, 3}, {4, 2, 3}},
                      {{1}, {0}, {0}},
                      {{2, 0}, {1, 1}, {2, 0}}};
  for (const Row& row : rows) {
    CAPTURE(to_string(row.a));
    CAPTURE(to_string(row.b));
    CHECK(broadcast_shape("test", row.a, row.b) == row.result);
    CHECK(broadcast_shape("test", row.b, row.a) == row.result);
    CHECK(broadcasts_to(row.a, row.result));
    CHECK(broadcasts_to(row.b, row.result));
  }
}

TEST_CASE("broadcast_shape: what it refuses") {
  CHECK(text_of<ShapeError>([] {
          broadcast_shape("add", {2, 3}, {4, 2, 4});
        }) == "add: shapes must broadcast: lhs [2, 3] · rhs [4, 2, 4]  (3 != 4)");
  CHECK(text_of<ShapeError>([] {
          broadcast_shape("mul", {2, 4}, {3, 1});
        }) == "mul: shapes must broadcast: lhs [2, 4] · rhs [3, 1]  (2 != 3)");
  CHECK(text_of<ShapeError>([] { broadcast_shape("mul", {0}, {2}); }) ==
        "mul: shapes must broadcast: lhs [0] · rhs [2]  (0 != 2)");
}

TEST_CASE("broadcasts_to: one way only") {
  CHECK_FALSE(broadcasts_to({2, 3}, {3}));
  CHECK_FALSE(broadcasts_to({3}, {1}));
  CHECK_FALSE(broadcasts_to({2}, {3}));
  CHECK_FALSE(broadcasts_to({2}, {0}));
}

TEST_CASE("axis_set: a bit an axis, negative ones from the end") {
  const auto set = [](std::vector<int> axes, int rank) { return axis_set("sum", axes, rank); };
  CHECK(set({}, 3) == 0);
  CHECK(set({0, 2}, 3) == 0b101);
  CHECK(set({-1, 0}, 3) == 0b101);
  CHECK(set({5}, 6) == 0b100000);
  CHECK(text_of<ShapeError>([&] { set({3}, 3); }) == "sum: axes must lie in [-3, 3): 3");
  CHECK(text_of<ShapeError>([&] { set({-4}, 3); }) == "sum: axes must lie in [-3, 3): -4");
  CHECK(text_of<ShapeError>([&] { set({0}, 0); }) == "sum: axes must lie in [0, 0): 0");
  CHECK(text_of<ShapeError>([&] { set({1, -2}, 3); }) == "sum: each axis at most once: -2");
}

}  // namespace
}  // namespace taskgrad
