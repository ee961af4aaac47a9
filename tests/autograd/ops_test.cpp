// Conventions at kinks, and laws that hold between ops. Values and derivatives of each op: see
// tests/ops/table_test.cpp.
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

TEST_CASE("ops: linear goes along the last axis, whatever axes lie before it") {
  const Var w = leaf(samples::numbers({4, 3}, -1, 1, 2));
  const Var b = leaf(samples::numbers({4}, -1, 1, 3));
  for (const Shape& leading :
       {Shape{}, Shape{2}, Shape{2, 5}, Shape{2, 0, 5}, Shape{1, 2, 2, 2, 2}}) {
    Shape shape = leading;
    shape.append(3);
    const Var x = leaf(samples::numbers(shape, -1, 1, 1));
    shape.set(shape.rank() - 1, 4);
    const Var product = sum(reshape(x, {leading.size(), 1, 3}) * w, {2}) + b;
    const auto check = [&](const Var& y, const Var& expected) {
      CHECK(y.shape() == shape);
      const List<Var> one = grad(sum(y * y * y), {x, w, b});
      const List<Var> two = grad(sum(expected * expected * expected), {x, w, b});
      for (std::size_t i = 0; i < 3; ++i) {
        CHECK(norm(one[i] - two[i]).item() <= 1e-14 * norm(two[i]).item());
      }
    };
    check(linear(x, w, b), product);
    check(linear_relu(x, w, b), relu(product));
  }
  CHECK_THROWS_WITH_AS(
      linear(leaf(samples::numbers({2, 5, 2}, -1, 1)), w, b),
      "linear: x must have the features of the weight: x [2, 5, 2] · weight [4, 3]  (2 != 3)",
      ShapeError);
}

TEST_CASE("ops: what a transposed side of a product gets is packed once it is turned back") {
  const Var x = leaf(Tensor::full({3, 4}, 2, DType::f64));
  const Var w = leaf(Tensor::full({5, 4}, 3, DType::f64));
  for (const Var& y : {matmul(x, transpose(w)), transpose(matmul(w, transpose(x)))}) {
    for (const Var& gradient : grad(sum(square(y)), {x, w})) {
      CHECK(gradient.value().is_contiguous());
    }
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
  CHECK_THROWS_WITH_AS(embedding(matrix, {0, 2}),
                       "embedding / gather: labels must lie in [0, 2): number 1 is 2", ShapeError);
  CHECK_THROWS_WITH_AS(cross_entropy(matrix, {0}),
                       "cross_entropy: logits [..., classes], labels [...]: [2, 3] · [1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cross_entropy(matrix, {0, -1}),
                       "cross_entropy / one_hot: labels must lie in [0, 3): number 1 is -1",
                       ShapeError);
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

TEST_CASE("ops: dropout keeps about 1 - p of the elements, scaled so that the sum stays") {
  const Var x = leaf(Tensor::full({10'000}, 3, DType::f64));
  const Var y = dropout(x, 0.25, Rng(1));
  int kept = 0;
  for (const double value : y.value().values()) {
    if (value == 0) continue;
    CHECK(value == doctest::Approx(4));
    ++kept;
  }
  CHECK(std::abs(kept - 7500) < 4 * 43.3);  // four standard deviations
  CHECK(equal_bits(y.value(), dropout(x, 0.25, Rng(1)).value()));
  CHECK_FALSE(equal_bits(y.value(), dropout(x, 0.25, Rng(2)).value()));
  CHECK(equal_bits(dropout(x, 0, Rng(1)).value(), x.value()));
  CHECK(gradient(y, x)[0] == y.value().values()[0] / 3);
  for (const double p : {-0.1, 1.0}) CHECK_THROWS_AS(dropout(x, p, Rng(1)), ConfigError);
}

TEST_CASE("ops: batch_norm tells mean and unbiased variance of each channel") {
  const Var x = constant(Tensor::from({3, 2}, {1, 10, 2, 30, 6, 20}, DType::f64));
  const Var ones = constant(Tensor::full({2}, 1, DType::f64));
  const BatchNormed batch = batch_norm(x, ones, ones);
  CHECK(batch.mean.values() == std::vector<double>{3, 20});
  CHECK(batch.variance.values()[0] == doctest::Approx(7));
  CHECK(batch.variance.values()[1] == doctest::Approx(100));
}

TEST_CASE("ops: slice counts axes from the back where they are negative") {
  const Var x = constant(Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6}, DType::f64));
  CHECK(slice(x, -1, 1, 3).value().values() == std::vector<double>{2, 3, 5, 6});
  CHECK(slice(x, -2, 1, 2).value().values() == std::vector<double>{4, 5, 6});
  CHECK_THROWS_AS(slice(x, -3, 0, 1), ShapeError);
}

TEST_CASE("ops: logsumexp of infinities, and softmax of large numbers") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(logsumexp(vector({-inf, -inf})).item() == -inf);
  CHECK(logsumexp(vector({-inf, 2})).item() == 2);
  CHECK(logsumexp(vector({inf, 2})).item() == inf);
  CHECK(std::isnan(logsumexp(vector({std::nan(""), 2})).item()));
  CHECK(softmax(vector({1000, 1000})).value().values() == std::vector<double>{0.5, 0.5});
  CHECK(softmax(vector({-inf, 3})).value().values() == std::vector<double>{0, 1});
}

TEST_CASE("ops: a list longer than a node has inputs is joined in groups") {
  std::vector<Var> parts;
  for (int i = 0; i < 70; ++i) parts.push_back(vector({1.0 * i, -1.0 * i}));
  const Var joined = concat(parts, 0);
  REQUIRE(joined.shape() == Shape{140});
  for (std::size_t i = 0; i < 70; ++i) {
    CHECK(joined.value().values()[2 * i + 1] == -1.0 * static_cast<double>(i));
  }
  const Var stacked = stack(parts, 1);
  REQUIRE(stacked.shape() == Shape{2, 70});
  CHECK(stacked.value().values()[69] == 69);
  CHECK(gradient(stacked * stacked, parts[5]) == std::vector<double>{10, -10});
  CHECK(stack(parts, -1).shape() == Shape{2, 70});
  CHECK_THROWS_AS(stack(parts, 2), ShapeError);
  CHECK_THROWS_AS(stack({}, 0), ShapeError);
}

TEST_CASE("ops: ends of a clamp have derivative 1, and ties of a maximum share it") {
  const Var x = vector({-1, 0, 1, 1.5});
  CHECK(gradient(clamp(x, -1, 1), x) == std::vector<double>{1, 1, 1, 0});
  const Var ties = vector({2, 1, 2});
  CHECK(gradient(max(ties), ties) == std::vector<double>{0.5, 0, 0.5});
  CHECK(gradient(min(ties), ties) == std::vector<double>{0, 1, 0});
  const Var zero = vector({0});
  CHECK(gradient(leaky_relu(zero, 0.1), zero)[0] == doctest::Approx(0.1));
  CHECK(gradient(elu(zero, 1.5), zero)[0] == 1.5);
}

TEST_CASE("ops: a NaN is not lost on the way back") {
  const Var x = vector({std::numeric_limits<double>::quiet_NaN()});
  CHECK(gradient(relu(x), x)[0] == 1);
  CHECK(gradient(maximum(x, vector({0})), x)[0] == 0.5);
}

TEST_CASE("ops: small losses and norms keep their digits") {
  const Var logit = vector({20});
  CHECK(bce_with_logits(logit, vector({1})).item() == doctest::Approx(std::exp(-20)).epsilon(1e-7));
  const Var large = leaf(Tensor::from({2}, {100'001, 100'000}, DType::f32));
  CHECK(sum(softmax(large)).item() == doctest::Approx(1).epsilon(1e-6));
  for (const double scale : {1e-30, 1e25}) {
    const Var x = leaf(Tensor::from({2}, {3 * scale, 4 * scale}, DType::f32));
    CHECK(norm(x).item() == doctest::Approx(5 * scale).epsilon(1e-6));
    CHECK(gradient(norm(x), x)[0] == doctest::Approx(0.6).epsilon(1e-6));
  }
}

TEST_CASE("ops: written as one would write them") {
  const Var x = leaf(Tensor::from({2, 2}, {1, 2, 4, 8}, DType::f64));
  CHECK((1.0 / x).value().values() == std::vector<double>{1, 0.5, 0.25, 0.125});
  CHECK(sum(x, {0}).value().values() == std::vector<double>{5, 10});
  CHECK(max(x, {0, 1}).item() == 8);
  CHECK(permute(x, {1, 0}).value().values() == std::vector<double>{1, 4, 2, 8});
  CHECK(concat({x, x}, 1).shape() == Shape{2, 4});
  CHECK(stack({x, x}, 0).shape() == Shape{2, 2, 2});
  CHECK(maximum(x, 3.0).value().values() == std::vector<double>{3, 3, 4, 8});
  CHECK(minimum(x, 3.0).value().values() == std::vector<double>{1, 2, 3, 3});
  const Var two = constant(2, DType::f64);
  CHECK(greater(x, two).value().values() == std::vector<double>{0, 0, 1, 1});
  CHECK(equal(x, two).value().values() == std::vector<double>{0, 1, 0, 0});
}

TEST_CASE("ops: numbers that would overflow are refused") {
  const Var x = vector({1, 2});
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_AS(pad(x, 0, most, most), ShapeError);
  const Var image = constant(Tensor::zeros({1, 1, 4, 4}, DType::f64));
  CHECK_THROWS_AS(avg_pool2d(image, {.size = {2, 2}, .padding = {most, 0}}), ShapeError);
  CHECK_THROWS_AS(max_pool2d(image, {}), ShapeError);
  CHECK_THROWS_AS(conv2d(image, constant(Tensor::zeros({1, 1, 5, 1}, DType::f64)),
                         {.dilation = {std::int64_t{1} << 62, 1}}),
                  ShapeError);
}

TEST_CASE("ops: an epsilon that is not positive is refused") {
  const Var x = leaf(Tensor::from({2, 2}, {1, 2, 4, 8}, DType::f64));
  const Var w = vector({1, 1});
  CHECK_THROWS_WITH_AS(layer_norm(x, w, w, 0),
                       "layer_norm / normalise: epsilon must be positive: 0", ConfigError);
  CHECK_THROWS_AS(batch_norm(x, w, w, -1), ConfigError);
  CHECK_THROWS_AS(batch_norm_eval(x, w, w, w, w, -1), ConfigError);
}

TEST_CASE("ops: errors of a function made of ops begin with its name") {
  const Var x = vector({1, 2});
  const Var y = vector({1, 2, 3});
  CHECK_THROWS_WITH_AS(huber(x, y), "huber: shapes must broadcast: lhs [2] · rhs [3]  (2 != 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(layer_norm(x, y, y),
                       "layer_norm: weight and bias have the last axes of x, which are not empty: "
                       "[2] · [3] · [3]",
                       ShapeError);
}

TEST_CASE("ops: what a function does when told nothing") {
  const Var x = leaf(Tensor::from({2, 2}, {3, 1, 4, 1.5}, DType::f64));
  const int rows[] = {0};
  CHECK(sum(x).item() == 9.5);
  CHECK(mean(x).item() == 2.375);
  CHECK(max(x).item() == 4);
  CHECK(min(x).item() == 1);
  CHECK(logsumexp(x).item() ==
        doctest::Approx(std::log(std::exp(3) + std::exp(1) + std::exp(4) + std::exp(1.5))));
  for (const Var& over_all : {sum(x), mean(x), max(x), min(x), logsumexp(x)}) {
    CHECK(over_all.shape() == Shape{});
  }
  for (const Var& over_rows :
       {sum(x, rows), mean(x, rows), max(x, rows), min(x, rows), logsumexp(x, rows)}) {
    CHECK(over_rows.shape() == Shape{2});
  }
  for (const Var& kept : {sum(x, rows, true), mean(x, rows, true), max(x, rows, true),
                          min(x, rows, true), logsumexp(x, rows, true)}) {
    CHECK(kept.shape() == Shape{1, 2});
  }
  CHECK(cumsum(x, 0).value().values() == std::vector<double>{3, 1, 7, 2.5});
  CHECK(softmax(x).value().values()[0] == doctest::Approx(1 / (1 + std::exp(-2))));
  CHECK(log_softmax(x).value().values()[0] == doctest::Approx(-std::log1p(std::exp(-2))));
  CHECK(leaky_relu(vector({-2})).item() == doctest::Approx(-0.02));
  CHECK(elu(vector({-2})).item() == doctest::Approx(std::expm1(-2)));
  CHECK(huber(vector({3}), vector({0})).item() == 2.5);
}

TEST_CASE("ops: scalars on either side") {
  const Var x = vector({3});
  CHECK((2.0 * x - 1.0).item() == 5);
  CHECK((10.0 - x).item() == 7);
  CHECK((1.0 + x / 2.0).item() == 2.5);
  CHECK(pow(x, 3).item() == doctest::Approx(27));
  CHECK(gradient(10.0 - x, x)[0] == -1);
}

TEST_CASE("ops: x / c is rounded once, as a division is") {
  const Tensor x = Tensor::from({4}, {1, 5, 7, 1e-3}, DType::f64);
  const std::vector<double> y = (constant(x) / 49.0).value().values();
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == x.values()[i] / 49.0);
}

}  // namespace
}  // namespace taskgrad
