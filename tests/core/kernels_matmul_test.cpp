#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <cmath>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::at;
using testing::for_each_index;
using testing::kDTypes;
using testing::layouts;
using testing::numbers;
using testing::text_of;

void check_product(const Tensor& a, const Tensor& b, const Tensor& bias, const Tensor& c) {
  REQUIRE(c.shape() == Shape{a.shape()[0], b.shape()[1]});
  CHECK(c.dtype() == a.dtype());
  CHECK(c.is_contiguous());
  double worst = 0;
  for_each_index(c.shape(), [&](const auto& index) {
    double expected = bias.defined() ? at(bias, {index[1]}) : 0.0;
    for (std::int64_t k = 0; k < a.shape()[1]; ++k) {
      expected += at(a, {index[0], k}) * at(b, {k, index[1]});
    }
    worst = std::max(worst, std::abs(at(c, index) - expected));
  });
  const double scale = 1.0 + static_cast<double>(a.shape()[1]);
  CHECK(worst <= (a.dtype() == DType::f32 ? 1e-6 : 1e-15) * scale);
}

struct Sizes {
  std::int64_t m, k, n;
};

const Sizes kSizes[] = {{1, 1, 1},     {2, 3, 4},    {1, 7, 5},    {5, 7, 1},
                        {64, 16, 256}, {65, 9, 257}, {130, 33, 3}, {3, 300, 520},
                        {0, 3, 2},     {2, 3, 0},    {2, 0, 3},    {0, 0, 0}};

TEST_CASE("matmul: against plain loops, every layout and type, across tiles") {
  for (const DType dtype : kDTypes) {
    for (const Sizes& s : kSizes) {
      for (const Tensor& a : layouts(numbers({s.m, s.k}, dtype, 1, -1, 1))) {
        for (const Tensor& b : layouts(numbers({s.k, s.n}, dtype, 2, -1, 1))) {
          CAPTURE(to_string(a.shape()));
          CAPTURE(to_string(b.shape()));
          check_product(a, b, {}, matmul(a, b));
        }
      }
    }
  }
}

TEST_CASE("matmul: parts of matrices and repeated rows are read in place or packed") {
  const Tensor x = numbers({9, 11}, DType::f64, 1, -1, 1);
  const Tensor y = numbers({11, 6}, DType::f64, 2, -1, 1);
  const Tensor part = x.slice(0, 2, 7).slice(1, 1, 9);
  const Tensor other = y.slice(0, 3, 11).slice(1, 1, 4);
  check_product(part, other, {}, matmul(part, other));
  check_product(other.transpose(), part.transpose(), {},
                matmul(other.transpose(), part.transpose()));
  const Tensor row = x.slice(0, 0, 1).expand({4, 11});
  const Tensor column = y.slice(1, 0, 1).expand({11, 5});
  check_product(row, column, {}, matmul(row, column));
  check_product(x.slice(1, 3, 4), column.slice(0, 0, 1), {},
                matmul(x.slice(1, 3, 4), column.slice(0, 0, 1)));
}

TEST_CASE("matmul: stacks that broadcast, against plain loops, in every layout") {
  const Tensor a = numbers({2, 1, 3, 4}, DType::f64);
  const Tensor b = numbers({5, 4, 2}, DType::f64, 2);
  for (const Tensor& left : layouts(a)) {
    for (const Tensor& right : layouts(b)) {
      const Tensor c = matmul(left, right);
      REQUIRE(c.shape() == Shape{2, 5, 3, 2});
      for_each_index(c.shape(), [&](const auto& i) {
        double expected = 0;
        for (std::int64_t k = 0; k < 4; ++k) {
          expected += at(a, {i[0], 0, i[2], k}) * at(b, {i[1], k, i[3]});
        }
        CHECK(at(c, i) == doctest::Approx(expected).epsilon(1e-13));
      });
    }
  }
  CHECK(matmul(Tensor::zeros({0, 3, 4}, DType::f32), Tensor::zeros({4, 2}, DType::f32)).shape() ==
        Shape{0, 3, 2});
  const Tensor wide = numbers({6, 90, 70}, DType::f32);
  testing::check_every_thread_count([&] { return matmul(wide, wide.transpose()); });
}

TEST_CASE("linear: x W' + b against plain loops, every layout and type") {
  for (const DType dtype : kDTypes) {
    for (const Sizes& s : kSizes) {
      const std::vector<Tensor> biases = layouts(numbers({s.n}, dtype, 3, -1, 1));
      std::size_t next = 0;
      for (const Tensor& x : layouts(numbers({s.m, s.k}, dtype, 1, -1, 1))) {
        for (const Tensor& weight : layouts(numbers({s.n, s.k}, dtype, 2, -1, 1))) {
          CAPTURE(to_string(x.shape()));
          CAPTURE(to_string(weight.shape()));
          const Tensor& bias = biases[next++ % biases.size()];
          check_product(x, weight.transpose(), bias, linear(x, weight, bias));
        }
      }
    }
  }
}

TEST_CASE("matmul and linear: what they refuse") {
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::f64); };
  const Tensor x = zeros({32, 16});
  const Tensor weight = zeros({8, 16});
  CHECK(text_of<ShapeError>([&] {
          matmul(x, zeros({8, 4}));
        }) == "matmul: inner dimensions must agree: lhs [32, 16] · rhs [8, 4]  (16 != 8)");
  CHECK(text_of<ShapeError>([&] { matmul(x, zeros({16})); }) ==
        "matmul: both sides are matrices or stacks of them: lhs [32, 16] · rhs [16]");
  CHECK(text_of<DTypeError>([&] {
          matmul(x, zeros({16, 4}).to(DType::f32));
        }) == "matmul: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]");
  CHECK(text_of<ShapeError>([&] { linear(zeros({16}), weight, zeros({8})); }) ==
        "linear: x [batch, in], weight [out, in], bias [out]: [16] · [8, 16] · [8]");
  CHECK(text_of<ShapeError>([&] {
          linear(zeros({2, 15}), weight, zeros({8}));
        }) ==
        "linear: x must have the features of the weight: x [2, 15] · weight [8, 16]  (15 != 16)");
  CHECK(text_of<ShapeError>([&] { linear(x, weight, zeros({9})); }) ==
        "linear: one bias an output: weight [8, 16] · bias [9]");
  CHECK(text_of<DTypeError>([&] { linear(x, weight, zeros({8}).to(DType::f32)); }) ==
        "linear: element types must be the same: x f64 · weight f64 · bias f32 [use Tensor::to]");
}

TEST_CASE("matmul and linear: equal bits for every number of threads") {
  for (const DType dtype : kDTypes) {
    for (const Sizes& s : {Sizes{150, 70, 300}, {300, 129, 7}, {64, 250, 520}}) {
      CAPTURE(s.m);
      const Tensor a = numbers({s.m, s.k}, dtype, 1);
      const Tensor b = numbers({s.k, s.n}, dtype, 2);
      const Tensor flipped = numbers({s.n, s.k}, dtype, 3);
      const Tensor bias = numbers({s.n}, dtype, 4);
      testing::check_every_thread_count([&] { return matmul(a, b); });
      testing::check_every_thread_count([&] { return matmul(a, flipped.transpose()); });
      testing::check_every_thread_count([&] { return linear(a, flipped, bias); });
    }
  }
}

TEST_CASE("linear_relu: has the bits of relu after linear, NaN and the sign of zero included") {
  for (const DType dtype : kDTypes) {
    for (const std::int64_t inner : {0, 3, 600}) {
      const Tensor x = numbers({7, inner}, dtype, 1, -1, 1);
      const Tensor w = numbers({9, inner}, dtype, 2, -1, 1);
      Tensor bias = numbers({9}, dtype, 3, -1, 1);
      CHECK(equal_bits(linear_relu(x, w, bias), relu(linear(x, w, bias))));
      bias = Tensor::from({9}, {NAN, 0, -0.0, 1, -1, INFINITY, -INFINITY, 2, -2}, dtype);
      CHECK(equal_bits(linear_relu(x, w, bias), relu(linear(x, w, bias))));
    }
  }
}

TEST_CASE("matmul_to: is the sum of the products over the axes that the shape repeats") {
  for (const DType dtype : kDTypes) {
    const Tensor a = numbers({2, 3, 1, 5, 7}, dtype, 1, -1, 1);
    const Tensor b = numbers({3, 4, 7, 6}, dtype, 2, -1, 1);
    const Tensor all = matmul(a, b);
    for (const Shape& shape : {Shape{5, 6}, Shape{4, 5, 6}, Shape{3, 1, 5, 6}, Shape{2, 1, 4, 5, 6},
                               Shape{2, 3, 4, 5, 6}}) {
      CAPTURE(to_string(shape));
      const Tensor sum = matmul_to(a, b, shape);
      REQUIRE(sum.shape() == shape);
      const std::vector<double> found = sum.values();
      const std::vector<double> expected = sum_to(all.to(DType::f64), shape).values();
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(std::abs(found[i] - expected[i]) <= (dtype == DType::f32 ? 1e-4 : 1e-13));
      }
    }
  }
}

TEST_CASE("matmul_to: no term at all is zero") {
  const Tensor none = Tensor::zeros({0, 3, 4}, DType::f64);
  const Tensor b = numbers({4, 2}, DType::f64);
  CHECK(equal_bits(matmul_to(none, b, {3, 2}), Tensor::zeros({3, 2}, DType::f64)));
}

TEST_CASE("matmul_to: equal bits for every number of threads") {
  const Tensor a = numbers({9, 40, 70}, DType::f32, 1, -1, 1);
  const Tensor b = numbers({9, 70, 50}, DType::f32, 2, -1, 1);
  testing::check_every_thread_count([&] { return matmul_to(a, b, {40, 50}); });
}

}  // namespace
}  // namespace taskgrad::kernels
