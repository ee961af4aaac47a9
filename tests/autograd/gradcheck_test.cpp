#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/gradcheck.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/autograd/samples.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include <string>

namespace taskgrad {
namespace {

// An op whose rule can be made wrong, as a user would write it: not registered, so not in the
// table.
template <int kMistake>
struct Cube {
  static constexpr OpInfo info{.name = "cube", .formula = "x^3; 3 x^2 dx"};
  static Tensor forward(const Tensor& x) { return kernels::mul(x, kernels::square(x)); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Var x = c.input(0);
    if constexpr (kMistake == 0) out[0] = g * square(x) * 3.0;
    if constexpr (kMistake == 1) out[0] = g * square(x) * 2.0;           // wrong factor
    if constexpr (kMistake == 2) out[0] = g * square(x.detach()) * 3.0;  // wrong second order
    if constexpr (kMistake == 3) out[0] = g * square(x.detach()) * 0.0;
  }
};

template <int kMistake>
GradCheckResult check_cube(int order) {
  const Tensor inputs[] = {Tensor::from({2}, {0.5, 1.5}, DType::f64)};
  return check_grad("cube", [](std::span<const Var> x) { return apply<Cube<kMistake>>(x[0]); },
                    inputs, {.order = order});
}

TEST_CASE("check_grad: a right rule passes to second order") {
  const GradCheckResult result = check_cube<0>(2);
  CHECK(result.ok);
  CHECK(result.text.empty());
  CHECK(result.first_error < 1e-8);
  CHECK(result.second_error < 1e-8);
}

TEST_CASE("check_grad: a wrong factor is named with op, input, element, expected and found") {
  const GradCheckResult result = check_cube<1>(1);
  CHECK_FALSE(result.ok);
  CHECK(result.text.starts_with(
      "check_grad: cube, order 1: derivative in input 0 [2] at [0]: differences give "));
  CHECK(
      result.text.ends_with("(2 of 2 elements differ) [all are 0.667 of what they should be: a "
                            "factor is wrong]"));
}

TEST_CASE("check_grad: a rule that is right once and wrong twice is caught by order 2 only") {
  CHECK(check_cube<2>(1).ok);
  const GradCheckResult result = check_cube<2>(2);
  CHECK_FALSE(result.ok);
  CHECK(result.text.starts_with("check_grad: cube, order 2"));
  CHECK(result.text.find("does the rule detach an input") != std::string::npos);
}

TEST_CASE("check_grad: derivatives that are all zero are not a pass") {
  const Tensor inputs[] = {Tensor::from({2}, {-1, -2}, DType::f64)};
  const GradCheckResult result =
      check_grad("relu", [](std::span<const Var> x) { return relu(x[0]); }, inputs, {.order = 1});
  CHECK_FALSE(result.ok);
  CHECK(result.text == "check_grad: relu: nothing was tested: every derivative is zero");
  CHECK_FALSE(check_cube<3>(1).ok);
}

TEST_CASE("check_grad: small derivatives and large inputs are judged by their own size") {
  const Tensor x[] = {Tensor::from({2}, {0.5, 1.5}, DType::f64)};
  const auto small = [](std::span<const Var> v) { return apply<Cube<1>>(v[0]) * 1e-7; };
  CHECK_FALSE(check_grad("small", small, x, {.order = 1}).ok);
  const Tensor large[] = {Tensor::from({2}, {1e11, 3e11}, DType::f64)};
  const auto twice = [](std::span<const Var> v) { return v[0] * 2.0; };
  const GradCheckResult result = check_grad("twice", twice, large, {.order = 1});
  CHECK_MESSAGE(result.ok, result.text);
}

TEST_CASE("check_grad: a NaN is a failure") {
  const Tensor inputs[] = {Tensor::from({1}, {-1}, DType::f64)};
  CHECK_FALSE(check_grad(
                  "log", [](std::span<const Var> x) { return log(x[0]); }, inputs)
                  .ok);
}

TEST_CASE("check_grad: f32 inputs are refused") {
  const Tensor inputs[] = {Tensor::scalar(1, DType::f32)};
  CHECK_THROWS_WITH_AS(check_grad(
                           "exp", [](std::span<const Var> x) { return exp(x[0]); }, inputs),
                       "check_grad: inputs must be f64, so that differences mean something: f32",
                       DTypeError);
}

}  // namespace
}  // namespace taskgrad
