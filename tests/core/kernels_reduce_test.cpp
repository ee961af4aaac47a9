#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::at;
using testing::for_each_index;
using testing::kDTypes;
using testing::layouts;
using testing::numbers;
using testing::range;
using testing::text_of;

double tolerance(DType dtype) { return dtype == DType::f32 ? 1e-5 : 1e-13; }

// Sums over the axes in f64, one element after the other; summed axes stay with extent 1.
Tensor plain_sum(const Tensor& x, AxisSet axes) {
  Shape kept = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    if ((axes >> axis) & 1) kept.set(axis, 1);
  }
  std::vector<double> totals(static_cast<std::size_t>(kept.size()));
  const Strides strides = row_major(kept);
  for_each_index(x.shape(), [&](const auto& index) {
    std::int64_t to = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      if (!((axes >> axis) & 1)) to += index[a] * strides[a];
    }
    totals[static_cast<std::size_t>(to)] += at(x, index);
  });
  return Tensor::from(kept, totals, DType::f64);
}

void check_close(const Tensor& got, const Tensor& expected) {
  REQUIRE(got.shape() == expected.shape());
  for_each_index(got.shape(), [&](const auto& i) {
    CHECK(std::abs(at(got, i) - at(expected, i)) <=
          tolerance(got.dtype()) * (1 + std::abs(at(expected, i))));
  });
}

TEST_CASE("sum: every set of axes against plain loops, every layout and type") {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : {Shape{}, Shape{70}, Shape{3, 4, 70}, Shape{2, 1, 3, 5}, Shape{0, 3},
                               Shape{3, 0}, Shape{2, 3, 2, 2, 1, 2}}) {
      for (const Tensor& x : layouts(numbers(shape, dtype))) {
        for (int set = 0; set < 1 << shape.rank(); ++set) {
          CAPTURE(to_string(shape));
          CAPTURE(set);
          const auto axes = static_cast<AxisSet>(set);
          const Tensor expected = plain_sum(x, axes);
          check_close(sum(x, axes, true), expected);
          const Tensor dropped = sum(x, axes, false);
          CHECK(dropped.rank() == shape.rank() - __builtin_popcount(static_cast<unsigned>(set)));
          CHECK(dropped.values() == sum(x, axes, true).values());
          CHECK(dropped.dtype() == dtype);
        }
        check_close(sum(x), plain_sum(x, kAllAxes).reshape({}));
      }
    }
  }
}

TEST_CASE("sum: long axes, where blocks and lanes matter") {
  for (const DType dtype : kDTypes) {
    for (const std::int64_t size : {15, 16, 17, 4095, 4096, 4097, 12'289, 100'003}) {
      CAPTURE(size);
      const auto n = static_cast<double>(size);
      const Tensor x = range({size}, DType::f64);
      CHECK(sum(x).item() == n * (n - 1) / 2);
      check_close(sum(scale(x, 1 / n).to(dtype)), Tensor::scalar((n - 1) / 2, DType::f64));
      check_close(sum(scale(x, 1 / n).to(dtype).expand({2, size}), 0b10),
                  Tensor::full({2}, (n - 1) / 2, DType::f64));
    }
  }
}

TEST_CASE("sum: a long sum in f32 loses only a few digits") {
  const Tensor x = Tensor::full({1'000'000}, 0.1, DType::f32);
  const double expected = 1e6 * static_cast<double>(0.1f);
  CHECK(std::abs(sum(x).item() - expected) < 1e-5 * expected);  // one after the other: 1e-2
}

TEST_CASE("sum_to: the adjoint of expand") {
  struct Row {
    Shape from, to;
  };
  const Row rows[] = {{{}, {}},         {{}, {2, 3}},        {{3}, {2, 3}},
                      {{2, 1}, {2, 3}}, {{1, 1}, {4, 2}},    {{2, 1, 3}, {5, 2, 4, 3}},
                      {{1}, {0}},       {{3, 1}, {2, 3, 0}}, {{2, 3}, {2, 3}}};
  for (const Row& row : rows) {
    CAPTURE(to_string(row.from));
    CAPTURE(to_string(row.to));
    const Tensor x = numbers(row.from, DType::f64, 1);
    for (const Tensor& y : layouts(numbers(row.to, DType::f64, 2))) {
      const Tensor back = sum_to(y, row.from);
      CHECK(back.shape() == row.from);
      CHECK(dot(x, back).item() == doctest::Approx(dot(x.expand(row.to), y).item()));
    }
  }
  CHECK(text_of<ShapeError>([] {
          sum_to(Tensor::zeros({2, 3}, DType::f64), {2});
        }) == "sum_to: the shape must broadcast to that of x: [2] · x [2, 3]");
}

TEST_CASE("dot, squared_error and norm against plain loops") {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{17}, Shape{70, 90}}) {
      for (const Tensor& x : layouts(numbers(shape, dtype, 1))) {
        for (const Tensor& y : layouts(numbers(shape, dtype, 2))) {
          double xy = 0;
          double xx = 0;
          double apart = 0;
          for_each_index(shape, [&](const auto& i) {
            xy += at(x, i) * at(y, i);
            xx += at(x, i) * at(x, i);
            apart += (at(x, i) - at(y, i)) * (at(x, i) - at(y, i));
          });
          const double size = static_cast<double>(shape.size());
          CHECK(dot(x, y).shape() == Shape{});
          CHECK(squared_error(x, y).item() == doctest::Approx(apart).epsilon(tolerance(dtype)));
          CHECK(std::abs(dot(x, y).item() - xy) <= tolerance(dtype) * (1 + std::sqrt(size)));
          CHECK(norm(x).item() == doctest::Approx(std::sqrt(xx)).epsilon(tolerance(dtype)));
        }
      }
    }
  }
}

TEST_CASE("dot: what it refuses") {
  const Tensor x = Tensor::zeros({3}, DType::f64);
  CHECK(text_of<ShapeError>([&] { dot(x, Tensor::zeros({1}, DType::f64)); }) ==
        "dot: shapes must be the same: lhs [3] · rhs [1]");
  CHECK(text_of<ShapeError>([&] { squared_error(x, Tensor::zeros({1}, DType::f64)); }) ==
        "squared_error: shapes must be the same: lhs [3] · rhs [1]");
  CHECK(text_of<DTypeError>([&] { dot(x, x.to(DType::f32)); }) ==
        "dot: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]");
}

TEST_CASE("all_finite: finds any element") {
  for (const DType dtype : kDTypes) {
    CHECK(all_finite(Tensor::zeros({0}, dtype)));
    CHECK(all_finite(Tensor::full({37}, std::numeric_limits<float>::max(), dtype)));
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
          -std::numeric_limits<double>::infinity()}) {
      for (std::size_t at = 0; at < 37; ++at) {
        std::vector<double> values(37, 1.0);
        values[at] = bad;
        const Tensor x = Tensor::from({37}, values, dtype);
        CHECK_FALSE(all_finite(x));
        CHECK_FALSE(all_finite(x.reshape({37, 1}).expand({37, 2})));
      }
    }
  }
}

TEST_CASE("reduce: equal bits for every number of threads") {
  for (const DType dtype : kDTypes) {
    const Tensor x = numbers({300, 401}, dtype, 1);
    const Tensor y = numbers({300, 401}, dtype, 2);
    const Tensor deep = numbers({20, 30, 400}, dtype, 3);
    testing::check_every_thread_count([&] { return sum(x); });
    testing::check_every_thread_count([&] { return sum(x.transpose()); });
    testing::check_every_thread_count([&] { return sum(x, 0b01); });
    testing::check_every_thread_count([&] { return sum(x, 0b10); });
    testing::check_every_thread_count([&] { return sum(deep, 0b010); });
    testing::check_every_thread_count([&] { return sum(deep, 0b101); });
    testing::check_every_thread_count([&] { return sum_to(deep, {400}); });
    testing::check_every_thread_count([&] { return dot(x, y); });
    testing::check_every_thread_count([&] { return norm(x); });
  }
}

TEST_CASE("max: the largest over any set of axes; NaN if there is one") {
  const Tensor x = numbers({3, 4, 5}, DType::f64);
  for (const Tensor& layout : layouts(x)) {
    const Tensor middle = max(layout, 0b010, true);
    REQUIRE(middle.shape() == Shape{3, 1, 5});
    for_each_index(middle.shape(), [&](const auto& i) {
      double expected = -1e9;
      for (std::int64_t k = 0; k < 4; ++k) expected = std::max(expected, at(x, {i[0], k, i[2]}));
      CHECK(at(middle, i) == expected);
    });
    const std::vector<double> all = x.values();
    CHECK(max(layout).item() == *std::max_element(all.begin(), all.end()));
  }
  const Tensor odd = Tensor::from({2, 2}, {1, NAN, 3, 2}, DType::f64);
  CHECK(std::isnan(max(odd, 0b10).values()[0]));
  CHECK(max(odd, 0b10).values()[1] == 3);
  CHECK(text_of<ShapeError>([] {
          max(Tensor::zeros({2, 0}, DType::f64), 0b10);
        }) == "max: the axis must not be empty: axis 1 of [2, 0]");
}

TEST_CASE("cumsum: from either end, along any axis") {
  const Tensor x = numbers({3, 4, 5}, DType::f64);
  for (const Tensor& layout : layouts(x)) {
    const Tensor up = cumsum(layout, 1);
    const Tensor down = cumsum(layout, -2, true);
    for_each_index(x.shape(), [&](const auto& i) {
      double below = 0;
      double above = 0;
      for (std::int64_t k = 0; k < 4; ++k) {
        (k <= i[1] ? below : above) += at(x, {i[0], k, i[2]});
      }
      CHECK(at(up, i) == doctest::Approx(below).epsilon(1e-14));
      CHECK(at(down, i) == doctest::Approx(above + at(x, i)).epsilon(1e-14));
    });
  }
  const Tensor wide = numbers({64, 300, 64}, DType::f32);
  testing::check_every_thread_count([&] { return cumsum(wide, 1); });
  testing::check_every_thread_count([&] { return max(wide, 0b010); });
}

TEST_CASE("sum: a million floats over the first axis, without what one running sum would lose") {
  const Tensor x = Tensor::full({1 << 20, 2}, 0.1, DType::f32);
  const double exact = static_cast<double>(0.1F) * (1 << 20);  // one running sum is 0.9 % off
  constexpr double kRounding = 2 * 1'024 * 0x1p-24;            // runs of 1,024, and as many runs
  for (const double total : sum(x, 1, false).values()) {
    CHECK(total == doctest::Approx(exact).epsilon(kRounding));
  }
}

TEST_CASE("sum: along the first axis, over more rows than a run has") {
  for (const std::int64_t rows : {1'023, 1'024, 1'025, 2'500}) {
    const Tensor x = numbers({rows, 70}, DType::f64, 3);
    const std::vector<double> values = x.values();
    const std::vector<double> found = sum(x, axis_set("sum", std::array{0}, 2)).values();
    for (std::size_t k = 0; k < 70; ++k) {
      double total = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) total += values[i * 70 + k];
      CHECK(std::abs(found[k] - total) < 1e-10);
    }
  }
}

}  // namespace
}  // namespace taskgrad::kernels
