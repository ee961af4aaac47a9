// The two paths of GradNorm, its state, its costs and its refusals. How GradNorm goes wrong
// elsewhere: gradnorm_pitfalls_test.cpp. Against PyTorch: gradnorm_golden_test.cpp.
#include <taskgrad/autograd/profile.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <limits>

namespace taskgrad {
namespace {

using test::SmallProblem;

constexpr WeightForm kForms[] = {WeightForm::linear, WeightForm::log};

TEST_CASE("gradnorm: both paths are one number, through 50 steps of training") {
  for (const WeightForm form : kForms) {
    const auto train = [form](GradNormPath path) {
      const SmallProblem problem(3);
      GradNorm balancer(3, {.alpha = 0.5, .path = path, .weight_form = form});
      nn::Adam optimizer(problem.model.all(), {.lr = 1e-3});
      List<Vec> gradients;
      for (std::uint64_t t = 0; t < 50; ++t) {
        Step step = problem.step(t);
        optimizer.step(balancer.backward(step));
        gradients.push_back(balancer.last().weight_gradients);
      }
      return gradients;
    };
    const List<Vec> graph = train(GradNormPath::second_order);
    const List<Vec> closed = train(GradNormPath::closed_form);
    for (std::size_t t = 0; t < graph.size(); ++t) {
      for (int i = 0; i < 3; ++i) {
        CHECK(graph[t][i] == doctest::Approx(closed[t][i]).epsilon(1e-12));
      }
    }
  }
}

// Calls of matmul that were seen.
std::int64_t products(const Profile& profile) {
  std::int64_t calls = 0;
  for (const Profile::Row& row : profile.rows()) calls += row.name == "matmul" ? row.calls : 0;
  return calls;
}

void check_from_representation(const SmallProblem& problem, GradNormPath path,
                               const std::vector<int>& absent) {
  // When the anchor is all of the trunk, nothing is left to go through it for.
  const int spared = problem.model.anchor().size() == problem.model.shared().size() ? 1 : 0;
  GradNorm plain(3, {.alpha = 0.5, .path = path});
  GradNorm shared(3, {.alpha = 0.5, .path = path});
  for (std::uint64_t t = 0; t < 10; ++t) {
    Step one = Step(problem.losses_without(t, absent), problem.model);
    Step two = problem.step_from_representation(t, absent);
    Profile first;
    const Gradients expected = plain.backward(one);
    const std::int64_t of_plain = products(first);
    Profile second;
    const Gradients found = shared.backward(two);
    CHECK(products(second) < of_plain);
    CHECK(two.backward_passes() == one.backward_passes() - spared);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].parameter == expected[i].parameter);
      const Tensor gap = kernels::sub(found[i].value, expected[i].value);
      CHECK(kernels::norm(gap).item() <= 1e-12 * (1 + kernels::norm(expected[i].value).item()));
    }
    for (int i = 0; i < 3; ++i) {
      CHECK(shared.weights()[i] == doctest::Approx(plain.weights()[i]).epsilon(1e-10));
    }
  }
}

TEST_CASE("gradnorm: a step that has the trunk's output gives the same numbers by fewer products") {
  const std::vector<std::vector<std::string_view>> anchors = {
      {"trunk.2.weight"},
      {"trunk.2.bias", "trunk.0.weight"},
      {"trunk.0.weight", "trunk.0.bias", "trunk.2.weight", "trunk.2.bias"}};
  for (const auto& anchor : anchors) {
    SmallProblem problem(3);
    problem.model.set_anchor(anchor);
    for (const GradNormPath path : {GradNormPath::second_order, GradNormPath::closed_form}) {
      check_from_representation(problem, path, {});
      check_from_representation(problem, path, {1});
    }
  }
}

TEST_CASE("gradnorm: a run continued from its state has the same bits") {
  const SmallProblem problem(3);
  const auto advance = [&](GradNorm& balancer, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t t = from; t < to; ++t) {
      Step step = problem.step(t);
      static_cast<void>(balancer.backward(step));
    }
  };
  GradNorm whole(3);
  advance(whole, 0, 20);
  GradNorm first(3);
  advance(first, 0, 10);
  GradNorm second(3);
  second.load(first.state());
  advance(second, 10, 20);
  CHECK(second.weights() == whole.weights());
  second.reset();
  CHECK(second.weights() == Vec(3, 1.0));
  CHECK(to_vec(second.state().tensors.at("adam.steps")) == Vec(3));
  StateDict broken = first.state();
  broken.tensors.erase("adam.mean");
  CHECK_THROWS_AS(second.load(broken), ConfigError);
  CHECK(second.weights() == Vec(3, 1.0));
  CHECK_THROWS_AS(GradNorm(2).load(first.state()), ShapeError);
  broken = first.state();
  broken.tensors["weights"] = Tensor::from({3}, {1, -1, 3}, DType::f64);
  CHECK_THROWS_AS(second.load(broken), ConfigError);
}

TEST_CASE("gradnorm: observing moves nothing") {
  const SmallProblem problem(2);
  GradNorm balancer(2);
  Step step = problem.step();
  const GradNorm::Observation seen = balancer.observe(step);
  CHECK(balancer.weights() == Vec(2, 1.0));
  CHECK(balancer.state().tensors.count("initial_losses") == 0);
  static_cast<void>(balancer.backward(step));
  CHECK(balancer.last().targets == seen.targets);
}

TEST_CASE("gradnorm: passes are counted") {
  const SmallProblem problem(3);
  GradNorm graph(3);
  GradNorm closed(3, {.path = GradNormPath::closed_form});
  Step one = problem.step();
  static_cast<void>(graph.backward(one));
  CHECK(one.backward_passes() == 5);
  Step two = problem.step();
  static_cast<void>(closed.backward(two));
  CHECK(two.backward_passes() == 4);
}

TEST_CASE("gradnorm: options out of range are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(GradNorm(0), ConfigError);
  CHECK_THROWS_AS(GradNorm(-1), ConfigError);
  CHECK_THROWS_AS(GradNorm(2, {.alpha = nan}), ConfigError);
  CHECK_THROWS_AS(GradNorm(2, {.weight_lr = -1}), ConfigError);
  CHECK_THROWS_AS(GradNorm(2, {.min_weight = 0}), ConfigError);
  const SmallProblem problem(3);
  Step step = problem.step();
  CHECK_THROWS_WITH_AS(GradNorm(2).backward(step), "gradnorm: made for 2 tasks: the step has 3",
                       ConfigError);
}

}  // namespace
}  // namespace taskgrad
