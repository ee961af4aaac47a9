// The rungs, the methods whose weights do not move, and make_balancer.
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <string>

namespace taskgrad {
namespace {

using test::SmallProblem;

// The smallest method on the third rung.
class MeanGradient : public Aggregator {
 public:
  std::string_view name() const override { return "mean_gradient"; }
  Matrix seen;

  Vec gramian_weights(const Matrix& gramian, const Present&) override {
    seen = gramian;
    return Vec(gramian.rows(), 1.0 / gramian.rows());
  }
};

// The smallest one on the second, with a parameter of its own: a sum_i L_i + a^2.
class ScaledSum : public Scalarizer {
 public:
  std::string_view name() const override { return "scaled_sum"; }
  double a = 3;
  double gradient = 0;

 protected:
  Var objective(const Step& step, std::span<const Var> own) override {
    return own[0] * (step.loss(0) + step.loss(1)) + square(own[0]);
  }
  Vec own_values() const override { return {a}; }
  void update_own(const Vec& gradients, const Present&) override { gradient = gradients[0]; }
};

TEST_CASE("balancer: equal weights give the gradient of the sum in one pass") {
  const SmallProblem problem(3);
  Step step = problem.step();
  Equal equal(3);
  const Gradients update = equal.backward(step);
  CHECK(step.backward_passes() == 1);
  Step plain = problem.step();
  CHECK(test::relative_difference(update, plain.of(plain.loss(0) + plain.loss(1) + plain.loss(2))) <
        1e-14);
  CHECK(equal.needs() == Needs::losses);
}

TEST_CASE("balancer: static weights are used as they are") {
  const SmallProblem problem(2);
  Step step = problem.step();
  Static fixed({0.25, 4});
  Step plain = problem.step();
  const Gradients expected = plain.of(plain.loss(0) * 0.25 + plain.loss(1) * 4.0);
  CHECK(test::relative_difference(fixed.backward(step), expected) < 1e-14);
  CHECK_THROWS_AS(Static({1, -1}), ConfigError);
  CHECK_THROWS_AS(Static({1, 1, 1}).backward(step), ConfigError);
}

TEST_CASE("balancer: an aggregator sees the Gramian and weighs shared gradients") {
  const SmallProblem problem(2);
  Step step = problem.step();
  MeanGradient method;
  const Gradients update = method.backward(step);
  CHECK(method.seen(0, 1) == step.gramian()(0, 1));
  CHECK(step.backward_passes() == 2);
  CHECK(test::equal_bits(update, step.combine({0.5, 0.5}, {1, 1})));
}

TEST_CASE("balancer: a scalarizer's own parameters get their gradient") {
  const SmallProblem problem(2);
  Step step = problem.step();
  ScaledSum method;
  const Gradients update = method.backward(step);
  CHECK(method.gradient == doctest::Approx(sum(step.values()) + 2 * 3));
  Step plain = problem.step();
  CHECK(test::relative_difference(update, plain.of((plain.loss(0) + plain.loss(1)) * 3.0)) < 1e-14);
}

TEST_CASE("balancer: a method without state refuses one") {
  Equal equal(2);
  CHECK(equal.state().tensors.empty());
  equal.load({});
  StateDict state;
  state.tensors.emplace("weights", Tensor::zeros({2}, DType::f64));
  CHECK_THROWS_WITH_AS(equal.load(state),
                       "equal::load: this method has no state: 1 tensors and 0 texts were given",
                       ConfigError);
}

std::string refusal(std::string_view name, const BalancerOptions& options, int tasks = 2) {
  try {
    static_cast<void>(make_balancer(name, tasks, options));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("make_balancer: every name makes the method of that name") {
  for (const std::string_view name : balancer_names()) {
    CHECK(make_balancer(name, 2)->name() == name);
  }
}

TEST_CASE("make_balancer: options arrive") {
  const auto fixed = make_balancer("static", 2, {{"weights", "0.5,1.5"}});
  CHECK(fixed->weights() == Vec{0.5, 1.5});
  CHECK(refusal("gradnorm", {{"alpha", "0.12"},
                             {"weight_lr", "1e-2"},
                             {"path", "closed_form"},
                             {"weight_form", "linear"},
                             {"min_weight", "1e-5"},
                             {"initial_losses", "1,2"}}) == "accepted");
  CHECK(make_balancer("uncertainty", 2, {{"initial_log_variance", "0"}})->weights() ==
        Vec{0.5, 0.5});
}

TEST_CASE("make_balancer: refusals list what is valid") {
  const std::string unknown = refusal("gradnrom", {});
  CHECK(unknown.starts_with("make_balancer: the name is one of equal, static, rlw, "));
  CHECK(unknown.ends_with(", forum: 'gradnrom'"));
  for (const std::string_view name : balancer_names()) {
    CHECK(unknown.find(name) != std::string::npos);
  }
  CHECK(refusal("equal", {{"alpha", "1"}}) == "make_balancer: 'equal' has the options []: 'alpha'");
  CHECK(refusal("uncertainty", {{"lr", "1"}}) ==
        "make_balancer: 'uncertainty' has the options [weight_lr, initial_log_variance, "
        "form]: 'lr'");
  CHECK(refusal("gradnorm", {{"alpha", "0.1x"}}) ==
        "make_balancer: alpha of 'gradnorm' is a number: '0.1x'");
  CHECK(refusal("gradnorm", {{"path", "third"}}) ==
        "make_balancer: path of 'gradnorm' is one of second_order, closed_form: 'third'");
  CHECK(refusal("static", {{"weights", "1,2,3"}}) ==
        "make_balancer: 'static' needs one weight a task: 2 tasks · 3 weights");
  CHECK(refusal("static", {{"weights", "1,"}}) ==
        "make_balancer: weights of 'static' is a number: ''");
  CHECK(refusal("stch", {{"warmup_steps", "1.5"}}) ==
        "make_balancer: warmup_steps of 'stch' is a whole number from 0: '1.5'");
  CHECK(refusal("cr_mogm", {{"method", "equal"}}) ==
        "make_balancer: method of 'cr_mogm' is one that weighs by the Gramian: 'equal'");
  CHECK(refusal("equal", {}, 0) == "make_balancer: at least one task: 0");
}

}  // namespace
}  // namespace taskgrad
