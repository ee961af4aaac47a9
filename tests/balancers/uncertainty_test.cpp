#include <taskgrad/autograd/grad.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <cmath>

namespace taskgrad {
namespace {

using test::SmallProblem;

TEST_CASE("uncertainty: the first step halves the loss gradients and moves s by its rate") {
  const SmallProblem problem(2);
  Uncertainty method(2, {.weight_lr = 0.1});
  CHECK(method.weights() == Vec{0.5, 0.5});
  Step step = problem.step();
  const Gradients update = method.backward(step);
  CHECK(step.backward_passes() == 1);
  Step plain = problem.step();
  CHECK(test::relative_difference(update, plain.of((plain.loss(0) + plain.loss(1)) * 0.5)) < 1e-14);
  // d/ds (exp(-s) L + s)/2 = (1 - L)/2 at s = 0; Adam's first step has the length of its rate.
  const Vec s = to_vec(method.state().tensors.at("log_variance"));
  for (int i = 0; i < 2; ++i) {
    CHECK(s[i] == doctest::Approx(step.values()[i] > 1 ? 0.1 : -0.1).epsilon(1e-6));
  }
}

TEST_CASE("uncertainty: for fixed losses the weights settle at 1 / (2 L)") {
  const SmallProblem problem(2);
  Uncertainty method(2, {.weight_lr = 0.01});
  Vec losses;
  for (int t = 0; t < 3000; ++t) {
    Step step = problem.step();
    losses = step.values();
    static_cast<void>(method.backward(step));
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(method.weights()[i] == doctest::Approx(0.5 / losses[i]).epsilon(1e-3));
  }
}

TEST_CASE("uncertainty: a run continued from its state has the same bits") {
  const SmallProblem problem(2);
  const auto advance = [&](Uncertainty& method, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t t = from; t < to; ++t) {
      Step step = problem.step(t);
      static_cast<void>(method.backward(step));
    }
  };
  Uncertainty whole(2);
  advance(whole, 0, 10);
  Uncertainty first(2);
  advance(first, 0, 5);
  Uncertainty second(2);
  second.load(first.state());
  advance(second, 5, 10);
  CHECK(second.weights() == whole.weights());
  second.reset();
  CHECK(second.weights() == Vec{0.5, 0.5});
  CHECK_THROWS_AS(Uncertainty(3).load(first.state()), ShapeError);
}

TEST_CASE("uncertainty: mistakes are named") {
  CHECK_THROWS_AS(Uncertainty(0), ConfigError);
  CHECK_THROWS_AS(Uncertainty(2, {.weight_lr = -1}), ConfigError);
  const SmallProblem problem(3);
  Step step = problem.step();
  CHECK_THROWS_AS(Uncertainty(2).backward(step), ConfigError);
}

}  // namespace
}  // namespace taskgrad
