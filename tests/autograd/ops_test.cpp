// Conventions at kinks, and laws that hold between ops. Values and derivatives of each op: see
// op_table_test.cpp.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/autograd/samples.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace taskgrad {
namespace {

Var vector(std::initializer_list<double> values) {
  return leaf(Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64));
}

std::vector<double> gradient(const Var& y, const Var& x) {
  return grad(sum(y), x).value().values();
}

TEST_CASE("ops: derivatives at kinks follow the stated conventions") {
  const Var zero = vector({0});
  CHECK(gradient(relu(zero), zero)[0] == 0);
  CHECK(gradient(abs(zero), zero)[0] == 0);
  CHECK(gradient(norm(zero), zero)[0] == 0);
  const Var other = vector({0});
  CHECK(gradient(maximum(zero, other), zero)[0] == 0.5);
  CHECK(gradient(maximum(zero, other), other)[0] == 0.5);
  CHECK(gradient(hypot(zero, other), zero)[0] == 0);
  CHECK(gradient(div_or_zero(vector({1}), zero), zero)[0] == 0);
}

TEST_CASE("ops: a whole power has derivatives of every order at 0") {
  const Var x = vector({0});
  Var y = pow(x, 2);
  for (const double expected : {0.0, 2.0, 0.0}) {
    y = grad(sum(y), x, {.create_graph = true, .unused = Unused::zeros});
    CHECK(y.item() == expected);
  }
  CHECK(gradient(pow(x, 0), x)[0] == 0);
}

TEST_CASE("ops: a zero norm has a zero second derivative, not NaN") {
  const Var x = vector({0, 0});
  const Var first = grad(norm(x * 2.0), x, {.create_graph = true});
  CHECK(first.value().values() == std::vector<double>{0, 0});
  CHECK(grad(norm(first), x, {.unused = Unused::zeros}).value().values() ==
        std::vector<double>{0, 0});
}

TEST_CASE("ops: sigmoid and softplus do not overflow") {
  const Var x = vector({-1000, 1000});
  CHECK(sigmoid(x).value().values() == std::vector<double>{0, 1});
  CHECK(softplus(x).value().values() == std::vector<double>{0, 1000});
}

TEST_CASE("ops: relu and maximum let a NaN through") {
  const Var x = vector({std::numeric_limits<double>::quiet_NaN()});
  CHECK(std::isnan(relu(x).value().values()[0]));
  CHECK(std::isnan(maximum(x, vector({0})).value().values()[0]));
}

TEST_CASE("ops: linear is a matrix product plus a bias, with the same derivatives") {
  const Var x = leaf(samples::numbers({5, 3}, -1, 1, 1));
  const Var w = leaf(samples::numbers({4, 3}, -1, 1, 2));
  const Var b = leaf(samples::numbers({4}, -1, 1, 3));
  const Var fused = linear(x, w, b);
  const Var plain = matmul(x, transpose(w)) + b;
  const List<Var> one = grad(sum(tanh(fused)), {x, w, b});
  const List<Var> two = grad(sum(tanh(plain)), {x, w, b});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(norm(one[i] - two[i]).item() < 1e-14 * norm(two[i]).item());
  }
}

TEST_CASE("ops: mean over axes divides by the number of elements") {
  const Var x = leaf(samples::numbers({2, 3, 4}, -1, 1));
  const int axes[] = {0, -1};
  CHECK(mean(x, axes).shape() == Shape{3});
  CHECK(mean(x, axes, true).shape() == Shape{1, 3, 1});
  CHECK(sum(mean(x, axes)).item() == doctest::Approx(sum(x).item() / 8));
  CHECK(mean(x).item() == doctest::Approx(sum(x).item() / 24));
  const int twice[] = {0, 0};
  CHECK_THROWS_WITH_AS(sum(x, twice), "sum: each axis at most once: 0", ShapeError);
  const int outside[] = {3};
  CHECK_THROWS_WITH_AS(mean(x, outside), "mean: axes must lie in [-3, 3): 3", ShapeError);
}

TEST_CASE("ops: numbers out of range are refused, NaN among them") {
  const Var x = vector({1, 2});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(huber(x, x, 0), "huber: delta must be positive: 0", ConfigError);
  CHECK_THROWS_WITH_AS(huber(x, x, nan), "huber: delta must be positive: nan", ConfigError);
  CHECK_THROWS_WITH_AS(dropout(x, 1, Rng(1)), "dropout: p must lie in [0, 1): 1", ConfigError);
  CHECK_THROWS_WITH_AS(dropout(x, nan, Rng(1)), "dropout: p must lie in [0, 1): nan", ConfigError);
  CHECK_THROWS_WITH_AS(clamp(x, 2, 1), "clamp: bounds must be in order: low 2 · high 1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(clamp(x, nan, 1), "clamp: bounds must be in order: low nan · high 1",
                       ConfigError);
}

TEST_CASE("ops: shapes that do not fit are refused under the name that was called") {
  const auto zeros = [](const Shape& shape) { return leaf(Tensor::zeros(shape, DType::f64)); };
  const Var row = zeros({3});
  const Var matrix = zeros({2, 3});
  const std::vector<int> nine(9, 0);
  CHECK_THROWS_WITH_AS(permute(matrix, nine), "permute: at most 6 axes: 9", ShapeError);
  CHECK_THROWS_WITH_AS(transpose(row), "transpose: at least two axes: shape [3]", ShapeError);
  const Var unlike[] = {row, matrix};
  const Var mixed[] = {row, constant(Tensor::zeros({3}, DType::f32))};
  CHECK_THROWS_WITH_AS(stack(unlike, 0),
                       "stack: parts of one shape, axis in [-3, 2]: [3] · [2, 3] · axis 0",
                       ShapeError);
  const Var alike[] = {row, row};
  CHECK_THROWS_WITH_AS(stack(alike, 2),
                       "stack: parts of one shape, axis in [-2, 1]: [3] · [3] · axis 2",
                       ShapeError);
  CHECK_THROWS_WITH_AS(stack(mixed, 0),
                       "stack: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]",
                       DTypeError);
  CHECK_THROWS_WITH_AS(stack({}, 0), "stack: at least one part: none was given", ShapeError);
  CHECK_THROWS_WITH_AS(pad(row, 0, -1, 0),
                       "pad: zeros are added, not taken away: -1 before, 0 after [use slice]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(concat({}, 0), "concat: at least one part: none was given", ShapeError);
  const Var wide[] = {matrix, zeros({2, 4})};
  CHECK_THROWS_WITH_AS(concat(wide, 0), "concat: parts differ along axis 0 only: [2, 3] · [2, 4]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(concat(mixed, 0),
                       "concat: element types must be the same: f64 · f32 [use Tensor::to]",
                       DTypeError);
  CHECK_THROWS_WITH_AS(embedding(row, {0}), "embedding: a table [labels, features]: shape [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(embedding(matrix, {0, 2}), "embedding: labels must lie in [0, 2): 2",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cross_entropy(matrix, {0}),
                       "cross_entropy: logits [..., classes], labels [...]: [2, 3] · [1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cross_entropy(matrix, {0, -1}),
                       "cross_entropy: labels must lie in [0, 3): -1", ShapeError);
  CHECK_THROWS_WITH_AS(softmax(zeros({2, 0}), 1),
                       "softmax: the axis must not be empty: axis 1 of [2, 0]", ShapeError);
  CHECK_THROWS_WITH_AS(conv2d(matrix, zeros({1, 1, 1, 1})),
                       "conv2d: x [n, in, h, w], weight [out, in / groups, h, w]: [2, 3] · [1, 1, "
                       "1, 1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(conv2d(zeros({1, 2, 3, 3}), zeros({1, 1, 1, 1})),
                       "conv2d: 1 groups divide the channels: x [1, 2, 3, 3] · weight [1, 1, 1, 1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(layer_norm(matrix, row, zeros({2})),
                       "layer_norm: weight and bias have the last axes of x, which are not empty: "
                       "[2, 3] · [3] · [2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(batch_norm(row, row, row), "batch_norm: x [n, channels, ...]: shape [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(batch_norm(matrix, zeros({2}), row),
                       "batch_norm: one number a channel: x [2, 3] · [2]", ShapeError);
  CHECK_THROWS_WITH_AS(batch_norm(zeros({1, 3}), row, row),
                       "batch_norm: at least two values a channel, to have a variance: [1, 3]",
                       ShapeError);
}

TEST_CASE("ops: scalars on either side") {
  const Var x = vector({3});
  CHECK((2.0 * x - 1.0).item() == 5);
  CHECK((10.0 - x).item() == 7);
  CHECK((1.0 + x / 2.0).item() == 2.5);
  CHECK(pow(x, 3).item() == doctest::Approx(27));
  CHECK(gradient(10.0 - x, x)[0] == -1);
}

}  // namespace
}  // namespace taskgrad
