// One case or more for each of the twenty ways in which published implementations of GradNorm go
// wrong. What is ours alone: gradnorm_test.cpp.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <cmath>
#include <limits>
#include <string>

namespace taskgrad {
namespace {

using test::SmallProblem;

constexpr GradNormPath kPaths[] = {GradNormPath::second_order, GradNormPath::closed_form};
constexpr WeightForm kForms[] = {WeightForm::linear, WeightForm::log};

// ||grad_W L_i|| by a back-propagation of its own.
double raw_norm(const SmallProblem& problem, int task, std::uint64_t batch = 0) {
  const List<Var> losses = problem.losses(batch);
  return norm(grad(losses[static_cast<std::size_t>(task)],
                   problem.model.anchor()[0].parameter.value()))
      .item();
}

// Losses c_i <d, W>, whose gradients at the anchor have fixed norms |c_i| ||d||.
struct LinearLosses {
  explicit LinearLosses(std::vector<double> c)
      : slopes(std::move(c)), problem(static_cast<int>(slopes.size())) {}
  Step step() const {
    const Var& w = problem.model.anchor()[0].parameter.value();
    const Tensor direction = Tensor::full(w.shape(), 1.0 / 8, DType::f64);  // of norm 1
    List<Var> losses;
    for (const double slope : slopes) losses.push_back(dot(w, constant(direction)) * slope + 1.0);
    return Step(std::move(losses), problem.model);
  }
  std::vector<double> slopes;
  SmallProblem problem;
};

TEST_CASE("gradnorm pitfall 1: the gradient formula, against differences of L_grad") {
  for (const GradNormPath path : kPaths) {
    const SmallProblem problem(3);
    GradNorm balancer(3, {.alpha = 0.7, .path = path, .initial_losses = {1, 2, 3000}});
    for (std::uint64_t t = 0; t < 5; ++t) {
      Step step = problem.step(t);
      static_cast<void>(balancer.backward(step));
      const GradNorm::Observation& seen = balancer.last();
      for (int i = 0; i < 3; ++i) {
        const double raw = raw_norm(problem, i, t);
        const double sign = seen.norms[i] > seen.targets[i] ? 1 : -1;
        CHECK(seen.weight_gradients[i] == doctest::Approx(sign * raw).epsilon(1e-12));
        const auto l_grad = [&](double shift) {  // targets frozen
          double total = 0;
          for (int j = 0; j < 3; ++j) {
            const double w = seen.weights[j] + (j == i ? shift : 0);
            total += std::abs(w * raw_norm(problem, j, t) - seen.targets[j]);
          }
          return total;
        };
        const double difference = (l_grad(1e-6) - l_grad(-1e-6)) / 2e-6;
        CHECK(seen.weight_gradients[i] == doctest::Approx(difference).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("gradnorm pitfall 2: the target is a constant") {
  // Were mean_j(G_j) r_i^alpha differentiated too, each derivative would carry a term of the
  // others.
  const SmallProblem problem(2);
  GradNorm balancer(2, {.alpha = 0.5, .initial_losses = {1, 500}});
  Step step = problem.step();
  static_cast<void>(balancer.backward(step));
  const GradNorm::Observation& seen = balancer.last();
  double through_targets = 0;
  for (int j = 0; j < 2; ++j) {
    const double sign = seen.norms[j] > seen.targets[j] ? 1 : -1;
    through_targets += -sign * std::pow(seen.rates[j], 0.5) / 2;
  }
  CHECK(std::abs(through_targets) > 1e-3);  // the mistake would show
  for (int i = 0; i < 2; ++i) {
    CHECK(std::abs(seen.weight_gradients[i]) == doctest::Approx(raw_norm(problem, i)));
  }
}

TEST_CASE("gradnorm pitfall 3: weights stay positive where plain updates cross zero") {
  for (const WeightForm form : kForms) {
    const SmallProblem problem(2, 1, 100);
    GradNorm balancer(2, {.alpha = 0.12, .weight_lr = 0.025, .weight_form = form});
    nn::Adam optimizer(problem.model.all(), {.lr = 1e-3});
    Vec plain(2, 1.0);  // what Adam without a guard would do
    VecAdam adam(2, 0.025);
    bool crossed = false;
    for (std::uint64_t t = 0; t < 300; ++t) {
      Step step = problem.step(t);
      optimizer.step(balancer.backward(step));
      adam.step(plain, balancer.last().weight_gradients);
      crossed = crossed || plain[0] <= 0 || plain[1] <= 0;
      const Vec w = balancer.weights();
      REQUIRE(w[0] > 0);
      REQUIRE(w[1] > 0);
      REQUIRE(std::abs(sum(w) - 2) < 2e-12);
    }
    CHECK(crossed);
    CHECK(balancer.weights()[1] < 0.1);  // the task of large loss was turned down
  }
}

TEST_CASE("gradnorm pitfall 3: the floor of the linear form holds before renormalising") {
  const LinearLosses losses({1, 1e6});
  GradNorm balancer(
      2, {.alpha = 0, .weight_lr = 0.5, .weight_form = WeightForm::linear, .min_weight = 1e-3});
  for (int t = 0; t < 50; ++t) {
    Step step = losses.step();
    static_cast<void>(balancer.backward(step));
    const Vec w = balancer.weights();
    CHECK(w[1] >= 1e-3 * 2 / (2 + 0.5) * 0.5);
    CHECK(std::abs(sum(w) - 2) < 1e-12);
  }
}

TEST_CASE("gradnorm pitfall 4: weights sum to the number of tasks after every step") {
  for (const WeightForm form : kForms) {
    for (const int tasks : {1, 2, 3, 10}) {
      const SmallProblem problem(tasks, 1, 1.5);
      GradNorm balancer(tasks, {.alpha = 1.5, .weight_lr = 0.1, .weight_form = form});
      CHECK(sum(balancer.weights()) == tasks);
      for (std::uint64_t t = 0; t < 20; ++t) {
        Step step = problem.step(t);
        static_cast<void>(balancer.backward(step));
        CHECK(std::abs(sum(balancer.weights()) - tasks) < 1e-12 * tasks);
      }
    }
  }
}

TEST_CASE("gradnorm pitfall 5: norms are of the weighted losses") {
  const SmallProblem problem(2);
  for (const GradNormPath path : kPaths) {
    GradNorm balancer(2, {.weight_lr = 0.2, .path = path});
    for (std::uint64_t t = 0; t < 3; ++t) {
      Step step = problem.step(t);
      static_cast<void>(balancer.backward(step));
    }
    const Vec w = balancer.weights();
    REQUIRE(w[0] != doctest::Approx(1));
    Step step = problem.step(7);
    static_cast<void>(balancer.backward(step));
    for (int i = 0; i < 2; ++i) {
      CHECK(balancer.last().norms[i] == doctest::Approx(w[i] * raw_norm(problem, i, 7)));
    }
  }
}

TEST_CASE("gradnorm pitfall 6: the loss ratio is of the unweighted losses") {
  const SmallProblem problem(2);
  const auto rates_at = [&](double weight_lr) {
    GradNorm balancer(2, {.weight_lr = weight_lr});
    for (std::uint64_t t = 0; t < 4; ++t) {
      Step step = problem.step(t);
      static_cast<void>(balancer.backward(step));
    }
    return balancer.last().rates;
  };
  CHECK(rates_at(0) == rates_at(0.3));
}

TEST_CASE("gradnorm pitfall 7: L(0) is the first batch or given, is kept, and is positive") {
  const SmallProblem problem(2);
  const Vec first = problem.step(0).values();
  GradNorm balancer(2);
  for (std::uint64_t t = 0; t < 3; ++t) {
    Step step = problem.step(t);
    static_cast<void>(balancer.backward(step));
    CHECK(to_vec(balancer.state().tensors.at("initial_losses")) == first);
  }
  const Vec now = problem.step(2).values();
  const Vec ratio = now / first;
  CHECK(balancer.last().rates[0] == doctest::Approx(ratio[0] / mean(ratio)));

  GradNorm restored(2);
  restored.load(balancer.state());
  CHECK(to_vec(restored.state().tensors.at("initial_losses")) == first);

  CHECK_THROWS_AS(GradNorm(2, {.initial_losses = {1, 0}}), NumericError);
  CHECK_THROWS_AS(GradNorm(2, {.initial_losses = {1, -1}}), NumericError);
  CHECK_THROWS_AS(GradNorm(2, {.initial_losses = {1}}), ConfigError);
  GradNorm fresh(2);
  Step zero({problem.losses()[0], problem.losses()[1] * 0.0}, problem.model);
  CHECK_THROWS_AS(fresh.backward(zero), NumericError);
  CHECK(fresh.state().tensors.count("initial_losses") == 0);
}

TEST_CASE(
    "gradnorm pitfall 8: the slower task gets the larger target, and alpha 0 asks for equal "
    "norms") {
  const SmallProblem problem(2);
  const Vec now = problem.step(1).values();
  const Vec initial{now[0], now[1] * 4};  // task 0 has not moved, task 1 fell to a quarter
  const auto targets = [&](double alpha) {
    GradNorm balancer(2, {.alpha = alpha, .initial_losses = initial});
    Step step = problem.step(1);
    static_cast<void>(balancer.backward(step));
    CHECK(balancer.last().rates[0] == doctest::Approx(1.6));
    CHECK(balancer.last().rates[1] == doctest::Approx(0.4));
    const double mean_norm = mean(balancer.last().norms);
    for (int i = 0; i < 2; ++i) {
      CHECK(balancer.last().targets[i] ==
            doctest::Approx(mean_norm * std::pow(balancer.last().rates[i], alpha)));
    }
    return balancer.last().targets;
  };
  CHECK(targets(1.5)[0] > targets(1.5)[1]);
  CHECK(targets(0)[0] == targets(0)[1]);
  CHECK(targets(-1)[0] < targets(-1)[1]);
}

TEST_CASE("gradnorm pitfall 9: the network gets the gradient of sum w_i L_i and nothing else") {
  for (const GradNormPath path : kPaths) {
    const SmallProblem problem(3);
    GradNorm balancer(3, {.weight_lr = 0.1, .path = path});
    for (std::uint64_t t = 0; t < 4; ++t) {
      Static fixed(balancer.weights());
      Step one = problem.step(t);
      Step two = problem.step(t);
      CHECK(test::equal_bits(balancer.backward(one), fixed.backward(two)));
    }
  }
}

TEST_CASE("gradnorm pitfall 9: with a rate of 0 training is that of equal weights, bit for bit") {
  const auto train = [](Balancer& balancer) {
    const SmallProblem problem(2);
    nn::Adam optimizer(problem.model.all(), {.lr = 1e-2});
    for (std::uint64_t t = 0; t < 20; ++t) {
      Step step = problem.step(t);
      optimizer.step(balancer.backward(step));
    }
    return problem.step(99).values();
  };
  GradNorm still(2, {.weight_lr = 0, .weight_form = WeightForm::linear});
  Equal equal(2);
  CHECK(train(still) == train(equal));
}

TEST_CASE("gradnorm pitfall 10: the network step uses w(t), and w(t+1) acts in the next") {
  const SmallProblem problem(2);
  GradNorm balancer(2, {.weight_lr = 0.3});
  Step first = problem.step();
  Step same = problem.step();
  Equal equal(2);
  CHECK(test::equal_bits(balancer.backward(first), equal.backward(same)));
  CHECK(balancer.weights()[0] != 1);
}

TEST_CASE("gradnorm pitfall 11: heads are weighted too") {
  const SmallProblem problem(2);
  GradNorm balancer(2, {.weight_lr = 0.3});
  Step first = problem.step();
  static_cast<void>(balancer.backward(first));
  const Vec w = balancer.weights();
  Step second = problem.step(1);
  const Gradients update = balancer.backward(second);
  Step plain = problem.step(1);
  const std::size_t shared = problem.model.shared().size();
  for (int i = 0; i < 2; ++i) {
    const List<Tensor>& own = plain.jacobian()[static_cast<std::size_t>(i)];
    const std::size_t at = shared + 2 * static_cast<std::size_t>(i);
    for (std::size_t k = 0; k < 2; ++k) {
      const Tensor expected = kernels::scale(own[shared + k], w[i]);
      const double error = kernels::norm(kernels::sub(update[at + k].value, expected)).item();
      CHECK(error < 1e-13 * kernels::norm(expected).item());
    }
  }
}

TEST_CASE("gradnorm pitfall 12: norms are taken at the last shared layer, bias by choice") {
  SmallProblem problem(2);
  CHECK(problem.model.anchor()[0].name == "trunk.2.weight");
  Step step = problem.step();
  const GradNorm balancer(2);
  const Vec norms = balancer.observe(step).norms;
  for (int i = 0; i < 2; ++i) CHECK(norms[i] == doctest::Approx(raw_norm(problem, i)));

  const std::string_view both[] = {"trunk.2.weight", "trunk.2.bias"};
  problem.model.set_anchor(both);
  Step wider = problem.step();
  const Vec joint = balancer.observe(wider).norms;
  for (int i = 0; i < 2; ++i) {
    const List<Var> g = grad(
        problem.losses()[static_cast<std::size_t>(i)],
        {problem.model.anchor()[0].parameter.value(), problem.model.anchor()[1].parameter.value()});
    CHECK(joint[i] ==
          doctest::Approx(std::hypot(norm(g[0]).item(), norm(g[1]).item())).epsilon(1e-14));
    CHECK(joint[i] > norms[i]);
  }
  GradNorm graph(2);
  GradNorm closed(2, {.path = GradNormPath::closed_form});
  static_cast<void>(graph.backward(wider));
  static_cast<void>(closed.backward(wider));
  for (int i = 0; i < 2; ++i) {
    CHECK(graph.last().weight_gradients[i] ==
          doctest::Approx(closed.last().weight_gradients[i]).epsilon(1e-13));
  }
}

TEST_CASE("gradnorm pitfall 13: Adam's moments survive the renormalisation") {
  const SmallProblem problem(2);
  GradNorm balancer(2, {.weight_form = WeightForm::linear});
  VecAdam shadow(2, 0.025);  // fed with the same gradients, its values thrown away
  for (std::uint64_t t = 0; t < 10; ++t) {
    Step step = problem.step(t);
    static_cast<void>(balancer.backward(step));
    Vec ignored(2, 1.0);
    shadow.step(ignored, balancer.last().weight_gradients);
    const StateDict state = balancer.state();
    CHECK(to_vec(state.tensors.at("adam.steps")) == Vec(2, static_cast<double>(t + 1)));
    CHECK(to_vec(state.tensors.at("adam.mean")) == shadow.mean());
  }
}

TEST_CASE("gradnorm pitfall 14: L_grad is a sum over tasks, not a mean") {
  // The gradient in w_i does not depend on how many other tasks there are.
  for (const int tasks : {2, 8}) {
    std::vector<double> slopes(static_cast<std::size_t>(tasks), 1.0);
    slopes[0] = 3;
    const LinearLosses losses(slopes);
    GradNorm balancer(tasks, {.alpha = 0});
    Step step = losses.step();
    static_cast<void>(balancer.backward(step));
    CHECK(balancer.last().weight_gradients[0] == doctest::Approx(3));
  }
}

TEST_CASE("gradnorm pitfall 15: 1,000 steps keep nothing and take nothing from the system") {
  for (const GradNormPath path : kPaths) {
    const SmallProblem problem(3);
    GradNorm balancer(3, {.path = path});
    nn::Adam optimizer(problem.model.all(), {.lr = 1e-3});
    const auto train = [&](std::uint64_t steps) {
      for (std::uint64_t t = 0; t < steps; ++t) {
        Step step = problem.step(t);
        optimizer.step(balancer.backward(step));
      }
    };
    train(10);
    const memory::Stats before = memory::stats();
    const std::int64_t nodes = live_nodes();
    train(1000);
    CHECK(live_nodes() == nodes);
    CHECK(memory::stats().bytes_in_use == before.bytes_in_use);
    CHECK(memory::stats().peak_bytes == before.peak_bytes);
  }
}

TEST_CASE(
    "gradnorm pitfall 16: a common scale of the losses changes nothing, permuting tasks permutes") {
  const SmallProblem problem(3);
  const auto weights_after = [&](double scale) {
    GradNorm balancer(3, {.alpha = 0.8});
    for (std::uint64_t t = 0; t < 15; ++t) {
      List<Var> losses = problem.losses(t);
      for (Var& loss : losses) loss = loss * scale;
      Step step(std::move(losses), problem.model);
      static_cast<void>(balancer.backward(step));
    }
    return balancer.weights();
  };
  const Vec plain = weights_after(1);
  const Vec scaled = weights_after(1024);
  for (int i = 0; i < 3; ++i) CHECK(scaled[i] == doctest::Approx(plain[i]).epsilon(1e-6));

  // Linear losses do not care which head they belong to, so the tasks can be listed backwards.
  const auto linear_weights = [](const std::vector<double>& slopes) {
    const LinearLosses losses(slopes);
    GradNorm balancer(3, {.alpha = 0.5, .initial_losses = Vec(std::span<const double>(slopes))});
    for (int t = 0; t < 10; ++t) {
      Step step = losses.step();
      static_cast<void>(balancer.backward(step));
    }
    return balancer.weights();
  };
  const Vec forward = linear_weights({1, 2, 5});
  const Vec backward = linear_weights({5, 2, 1});
  for (int i = 0; i < 3; ++i) CHECK(forward[i] == doctest::Approx(backward[2 - i]).epsilon(1e-12));
}

TEST_CASE("gradnorm pitfall 17: one task keeps weight 1, identical tasks stay equal") {
  for (const WeightForm form : kForms) {
    const SmallProblem one(1);
    GradNorm single(1, {.weight_form = form});
    const LinearLosses same({2, 2, 2, 2});
    GradNorm equal(4, {.weight_form = form});
    for (std::uint64_t t = 0; t < 5; ++t) {
      Step step = one.step(t);
      static_cast<void>(single.backward(step));
      CHECK(single.weights()[0] == 1);
      Step four = same.step();
      static_cast<void>(equal.backward(four));
      for (const double w : equal.weights()) CHECK(w == 1);
    }
  }
}

TEST_CASE("gradnorm pitfall 18: with a frozen network and alpha 0 the norms become equal") {
  const std::vector<double> slopes = {1, 2, 5, 20};
  const LinearLosses losses(slopes);
  for (const WeightForm form : kForms) {
    GradNorm balancer(4, {.alpha = 0, .weight_lr = 1e-3, .weight_form = form});
    for (int t = 0; t < 8000; ++t) {
      Step step = losses.step();
      static_cast<void>(balancer.backward(step));
    }
    double inverse = 0;
    for (const double slope : slopes) inverse += 1 / slope;
    for (int i = 0; i < 4; ++i) {
      const double expected = 4 / slopes[static_cast<std::size_t>(i)] / inverse;
      CHECK(std::abs(balancer.weights()[i] - expected) < 0.02);
    }
  }
}

TEST_CASE("gradnorm pitfall 19: a task without gradient makes no NaN and is moved by no gradient") {
  const LinearLosses losses({1, 0, 3});
  for (const GradNormPath path : kPaths) {
    GradNorm balancer(3, {.alpha = 0.5, .path = path});
    for (int t = 0; t < 5; ++t) {
      Step step = losses.step();
      const Gradients update = balancer.backward(step);
      CHECK(balancer.last().norms[1] == 0);
      CHECK(balancer.last().weight_gradients[1] == 0);
      CHECK(all_finite(balancer.weights()));
      for (const Gradient& gradient : update) CHECK(kernels::all_finite(gradient.value));
    }
  }
}

TEST_CASE("gradnorm pitfall 19: a loss that is not finite is refused and the weights stay") {
  const SmallProblem problem(2);
  GradNorm balancer(2);
  Step good = problem.step();
  static_cast<void>(balancer.backward(good));
  const Vec before = balancer.weights();
  List<Var> losses = problem.losses();
  losses[1] = losses[1] * std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(Step(std::move(losses), problem.model), NumericError);
  losses = problem.losses();
  losses[1] = losses[1] + log(losses[1] * 0.0) * 0.0;
  CHECK_THROWS_AS(Step(std::move(losses), problem.model), NumericError);
  CHECK(balancer.weights() == before);

  // Finite losses with an infinite gradient: sqrt at 0.
  losses = problem.losses();
  const Var& anchor = problem.model.anchor()[0].parameter.value();
  losses[1] = losses[1] + sqrt(sum(anchor) - sum(anchor).item());
  Step step(std::move(losses), problem.model);
  CHECK_THROWS_AS(balancer.backward(step), NumericError);
  CHECK(balancer.weights() == before);
}

TEST_CASE("gradnorm pitfall 20: baselines run in the same harness") {
  const SmallProblem problem(3);
  for (const char* name : {"equal", "static", "uncertainty", "gradnorm"}) {
    const auto balancer = make_balancer(name, 3);
    CHECK(balancer->name() == name);
    Step step = problem.step();
    const Gradients update = balancer->backward(step);
    CHECK(update.size() == problem.model.all().size());
  }
}

}  // namespace
}  // namespace taskgrad
