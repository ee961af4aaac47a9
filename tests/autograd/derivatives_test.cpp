// Against closed forms, and against each other.
#include <taskgrad/autograd/derivatives.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace taskgrad {
namespace {

using Numbers = std::vector<double>;

Var vector(std::initializer_list<double> values) {
  return leaf(Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64));
}

const Tensor kMatrix = Tensor::from({2, 3}, {1, 2, -1, 0.5, -3, 4}, DType::f64);

// A x as a vector.
Var product(const Var& x) { return reshape(matmul(constant(kMatrix), reshape(x, {3, 1})), {2}); }

TEST_CASE("value_and_grad: the value and a gradient an input, zeros for an unused one") {
  const auto f = [](std::span<const Var> x) { return sum(x[0] * x[1]); };
  const Tensor a = Tensor::from({2}, {1, 2}, DType::f64);
  const Tensor b = Tensor::from({2}, {3, 5}, DType::f64);
  const ValueAndGrad found = value_and_grad(f, {a, b, a});
  CHECK(found.value.item() == 13);
  CHECK(found.gradients[0].values() == Numbers{3, 5});
  CHECK(found.gradients[1].values() == Numbers{1, 2});
  CHECK(found.gradients[2].values() == Numbers{0, 0});
}

TEST_CASE("vjp and jvp: u A and A t for a linear map, and <u, A t> = <u A, t>") {
  const Var x = vector({0.3, -0.2, 0.9});
  const Var u = vector({2, -1});
  const Var t = vector({1, 0.5, -2});
  const Var y = product(x);
  CHECK(vjp(y, x, u).value().values() == Numbers{1.5, 7, -6});
  CHECK(jvp(y, x, t).value().values() == Numbers{4, -9});
  const Var z = tanh(product(exp(x)));
  CHECK(dot(jvp(z, x, t), u).item() == doctest::Approx(dot(vjp(z, x, u), t).item()));
}

TEST_CASE("jvp: the derivative along a line, of several inputs at once") {
  const Var x = vector({0.3, 0.5});
  const Var y = vector({1.5, -0.4});
  const Var tangents[] = {vector({1, 2}), vector({-1, 0.5})};
  const Var inputs[] = {x, y};
  const Var found = jvp(x * exp(y), inputs, tangents);
  for (std::size_t i = 0; i < 2; ++i) {
    const double a = x.value().values()[i];
    const double b = y.value().values()[i];
    const double expected =
        std::exp(b) * (tangents[0].value().values()[i] + a * tangents[1].value().values()[i]);
    CHECK(found.value().values()[i] == doctest::Approx(expected));
  }
}

TEST_CASE("jacobian: of a linear map its matrix, of an elementwise one a diagonal") {
  const Var x = vector({0.3, -0.2, 0.9});
  CHECK(jacobian(product(x), x).value().values() == kMatrix.values());
  CHECK(jacobian(product(x), x).shape() == Shape{2, 3});
  const std::vector<double> diagonal = jacobian(square(x), x).value().values();
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(diagonal[i] == doctest::Approx(i % 4 == 0 ? 2 * x.value().values()[i / 4] : 0));
  }
  CHECK(jacobian(reshape(x, {3, 1}), x).shape() == Shape{3, 1, 3});
  CHECK(jacobian(slice(x, 0, 1, 1), x).shape() == Shape{0, 3});
}

TEST_CASE("hessian and hvp: A + A' for a quadratic form, and H v without H") {
  const Tensor a = Tensor::from({2, 2}, {4, 1, 2, 3}, DType::f64);
  const Var x = vector({0.3, -0.7});
  const Var y = dot(x, reshape(matmul(constant(a), reshape(x, {2, 1})), {2}));
  CHECK(hessian(y, x).value().values() == Numbers{8, 3, 3, 6});
  const Var v = vector({1, 2});
  CHECK(hvp(y, x, v).value().values() == Numbers{14, 15});
  CHECK(hessian(sum(x), x).value().values() == Numbers{0, 0, 0, 0});

  const Var z = sum(exp(x) * sum(square(x)));
  const Var h = hessian(z, x);
  const Var expected = reshape(matmul(h, reshape(v, {2, 1})), {2});
  CHECK(hvp(z, x, v).value().values()[0] == doctest::Approx(expected.value().values()[0]));
  CHECK(hvp(z, x, v).value().values()[1] == doctest::Approx(expected.value().values()[1]));
}

TEST_CASE("derivatives: with create_graph each can be differentiated again") {
  const Var x = vector({2});
  const Var one = vector({1});
  const DerivativeOptions again{.create_graph = true};
  const Var cube = x * x * x;  // 3 x^2, 6 x, 6
  CHECK(grad(sum(jacobian(cube, x, again)), x).item() == 12);
  CHECK(grad(sum(jvp(cube, x, one, again)), x).item() == 12);
  CHECK(grad(sum(vjp(cube, x, one, again)), x).item() == 12);
  CHECK(grad(sum(hessian(sum(cube), x, again)), x).item() == 6);
  CHECK(grad(sum(hvp(sum(cube), x, one, again)), x).item() == 6);
  CHECK(jvp(jvp(cube, x, one, again), x, one).item() == 12);
}

TEST_CASE("derivatives: vectors unlike their inputs are refused by name") {
  const Var x = vector({1, 2});
  const Var wrong = vector({1});
  CHECK_THROWS_WITH_AS(jvp(square(x), x, wrong),
                       "jvp: vector 0 is like its input: f64 [1] for f64 [2]", ShapeError);
  CHECK_THROWS_WITH_AS(hvp(sum(square(x)), x, wrong),
                       "hvp: vector 0 is like its input: f64 [1] for f64 [2]", ShapeError);
  const Var inputs[] = {x};
  CHECK_THROWS_WITH_AS(jvp(square(x), inputs, {}), "jvp: one vector an input: 1 inputs · 0 vectors",
                       ShapeError);
  CHECK_THROWS_WITH_AS(hvp(sum(square(x)), std::span<const Var>(), {}),
                       "hvp: at least one input: none was given", ShapeError);
  CHECK_THROWS_AS(hessian(square(x), x), GraphError);
}

}  // namespace
}  // namespace taskgrad
