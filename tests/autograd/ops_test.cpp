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
  CHECK_THROWS_AS(sum(x, twice), ShapeError);
  const int outside[] = {3};
  CHECK_THROWS_AS(mean(x, outside), ShapeError);
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
