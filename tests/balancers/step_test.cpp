#include <taskgrad/autograd/grad.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <cmath>
#include <limits>

namespace taskgrad {
namespace {

using test::SmallProblem;

TEST_CASE("step: values are the losses") {
  const SmallProblem problem(3);
  const Step step = problem.step();
  for (int i = 0; i < 3; ++i) CHECK(step.values()[i] == step.loss(i).item());
  CHECK(step.backward_passes() == 0);
}

TEST_CASE("step: the Gramian is that of the shared rows, computed once") {
  const SmallProblem problem(3);
  Step step = problem.step();
  const Matrix gramian = step.gramian();
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      double expected = 0;
      for (const auto& [name, parameter] : problem.model.shared()) {
        const Var& leaf = parameter.value();
        expected += dot(grad(step.loss(i), leaf), grad(step.loss(j), leaf)).item();
      }
      CHECK(gramian(i, j) == doctest::Approx(expected).epsilon(1e-13));
    }
  }
  static_cast<void>(step.jacobian());
  static_cast<void>(step.gramian());
  CHECK(step.backward_passes() == 3);
}

TEST_CASE("step: combining with weights of one is the gradient of the sum") {
  const SmallProblem problem(3);
  Step step = problem.step();
  const Gradients combined = step.combine(Vec(3, 1.0), Vec(3, 1.0));
  const Gradients direct = step.of(step.loss(0) + step.loss(1) + step.loss(2));
  CHECK(test::relative_difference(combined, direct) < 1e-14);
}

TEST_CASE("step: combining weighs shared parameters and heads apart") {
  const SmallProblem problem(2);
  Step step = problem.step();
  const Gradients combined = step.combine({2, -1}, {3, 5});
  const Gradients shared = step.of(step.loss(0) * 2.0 - step.loss(1));
  const Gradients heads = step.of(step.loss(0) * 3.0 + step.loss(1) * 5.0);
  const std::size_t count = problem.model.shared().size();
  for (std::size_t k = 0; k < combined.size(); ++k) {
    const Tensor& expected = k < count ? shared[k].value : heads[k].value;
    const double error = kernels::norm(kernels::sub(combined[k].value, expected)).item();
    CHECK(error <= 1e-13 * kernels::norm(expected).item());
  }
}

TEST_CASE("step: gradients are in the leaves of its own graph, after an update as well") {
  SmallProblem problem(2);
  Step step = problem.step();
  const Gradients before = step.of(step.loss(0) + step.loss(1));
  problem.model.init(Rng(9));
  CHECK(test::equal_bits(step.of(step.loss(0) + step.loss(1)), before));
  CHECK(step.gramian()(0, 0) > 0);
}

TEST_CASE("step: an absent task has no loss, zero gradients, and no part in sums") {
  const SmallProblem problem(3);
  Step step = problem.whole_step(0, {1});
  CHECK(step.present().tasks == List<int>{0, 2});
  CHECK(step.present().losses == Vec{step.values()[0], step.values()[2]});
  CHECK(std::isnan(step.values()[1]));
  CHECK_FALSE(step.is_present(1));
  CHECK(step.gramian()(1, 1) == 0);
  CHECK(step.gramian()(0, 1) == 0);
  CHECK(step.backward_passes() == 2);
  CHECK(step.rows().shape()[0] == 2);
  Step whole = problem.step();
  const Gradients expected = whole.of(whole.loss(0) * 2.0 + whole.loss(2) * 3.0);
  CHECK(test::relative_difference(step.combine({2, 7, 3}, {2, 7, 3}), expected) < 1e-14);
  CHECK(test::relative_difference(step.of(step.weighted({2, 7, 3})), expected) < 1e-14);
  CHECK_THROWS_WITH_AS(problem.whole_step(0, {0, 1, 2}),
                       "Step: at least one task is present: none of 3 has a loss", ConfigError);
}

TEST_CASE("step: rows and assemble are one way and back") {
  const SmallProblem problem(2);
  Step step = problem.step();
  const Tensor rows = step.rows();
  const Tensor direction = kernels::add(rows.select(0, 0), kernels::scale(rows.select(0, 1), 3));
  CHECK(test::relative_difference(step.assemble(direction, {1, 1}), step.combine({1, 3}, {1, 1})) <
        1e-14);
}

TEST_CASE("step: at the representation gradients are those in the trunk's output") {
  const SmallProblem problem(2);
  const Tensor x = Rng(4).uniform({5, 6}, -1, 1, DType::f64);
  const Tensor y = Rng(5).uniform({5, 3}, -1, 1, DType::f64);
  const Tensor targets[] = {y, kernels::scale(y, 4)};
  const Var z = problem.model.represent(constant(x));
  Step step(nn::mse(problem.model.predict(z), targets), problem.model, {.representation = z});
  const Matrix& m = step.gramian(Scope::representation);
  CHECK(m(0, 1) ==
        doctest::Approx(dot(grad(step.loss(0), z), grad(step.loss(1), z)).item()).epsilon(1e-13));
  CHECK(step.backward_passes() == 2);
  const Gradients cheap = step.combine({2, -1}, {3, 5}, Scope::representation);
  CHECK(step.backward_passes() == 3);
  CHECK(test::relative_difference(cheap, step.combine({2, -1}, {3, 5})) < 1e-13);
  CHECK_THROWS_WITH_AS(
      step.pass_down(step.jacobian(Scope::representation), {1, 1}, {1, 1}, List<Tensor>(2)),
      "Step::pass_down: all gradients of the anchor or none: 2 of 1", ConfigError);
  Step without = problem.step();
  CHECK_THROWS_AS(without.gramian(Scope::representation), ConfigError);
}

TEST_CASE("step: an anchor that is chosen later is not this step's") {
  SmallProblem problem(2);
  Step step = problem.step_from_representation(0, {});
  GradNorm plain(2), later(2);
  const Gradients expected = plain.backward(step);
  const std::string_view other[] = {"trunk.0.weight", "trunk.0.bias"};
  problem.model.set_anchor(other);
  CHECK(test::equal_bits(later.backward(step), expected));
}

TEST_CASE("step: further batches are made at the parameters of the moment") {
  const SmallProblem problem(2);
  const Step step = problem.whole_step(3);
  CHECK(step.batch(0).values() == problem.step(3).values());
  CHECK(step.batch(2).values() == problem.step(4002).values());
  CHECK_THROWS_AS(problem.step().batch(1), ConfigError);
}

TEST_CASE("step: mistakes are named") {
  const SmallProblem problem(2);
  CHECK_THROWS_WITH_AS(Step({problem.losses()[0]}, problem.model),
                       "Step: one loss a task: 2 tasks · 1 losses", ConfigError);
  List<Var> losses = problem.losses();
  losses[1] = constant(Tensor::zeros({2}, DType::f64));
  CHECK_THROWS_WITH_AS(Step(std::move(losses), problem.model),
                       "Step: losses are scalars: loss 1 has shape [2]", ConfigError);
  losses = problem.losses();
  losses[1] = losses[1].detach();
  CHECK_THROWS_AS(Step(std::move(losses), problem.model), GraphError);
  losses = problem.losses();
  losses[0] = losses[0] * std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(Step(std::move(losses), problem.model),
                       "Step: losses must be finite: loss 0 is inf", NumericError);
}

}  // namespace
}  // namespace taskgrad
