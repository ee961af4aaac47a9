#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/toy/anchor_gradients.h>
#include <taskgrad/toy/experiment.h>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>

namespace taskgrad::toy {
namespace {

RunOptions small(const std::string& balancer = "gradnorm") {
  return {.problem = {.dtype = DType::f64, .input_size = 12, .output_size = 5, .test_examples = 50},
          .width = 16,
          .balancer = balancer,
          .steps = 20,
          .batch_size = 8,
          .eval_every = 8};
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST_CASE("make_model: four layers of the trunk, one head a task, the anchor is the last weight") {
  nn::MultiTask model = make_model(3);
  CHECK(model.tasks() == 3);
  CHECK(model.shared().size() == 8);
  CHECK(model.count() == 250 * 100 + 3 * 100 * 100 + 4 * 100 + 3 * (100 * 100 + 100));
  REQUIRE(model.anchor().size() == 1);
  CHECK(model.anchor()[0].name == "trunk.6.weight");
}

TEST_CASE("run: all methods of a seed start from the same parameters and see the same data") {
  const Batch batch = make_problem(small("equal")).batch(7, 8);
  for (const char* balancer : {"uncertainty", "gradnorm"}) {
    const nn::MultiTask model = initial_model(small(balancer));
    const nn::MultiTask equal = initial_model(small("equal"));
    for (std::size_t i = 0; i < model.all().size(); ++i) {
      CAPTURE(model.all()[i].name);
      CHECK(equal_bits(model.all()[i].parameter.value().value(),
                       equal.all()[i].parameter.value().value()));
    }
    const ScaledRegression problem = make_problem(small(balancer));
    CHECK(equal_bits(problem.batch(7, 8).x, batch.x));
    CHECK(equal_bits(problem.batch(7, 8).targets[1], batch.targets[1]));
    CHECK(equal_bits(problem.test().x, make_problem(small("equal")).test().x));
  }
}

TEST_CASE("run: methods differ after step 0, where all saw the same") {
  const RunResult equal = run(small("equal"));
  for (const char* balancer : {"uncertainty", "gradnorm"}) {
    const RunResult other = run(small(balancer));
    CHECK(other.history[0].train_losses == equal.history[0].train_losses);
    CHECK(other.initial_test_losses == equal.initial_test_losses);
    CHECK(other.fingerprint != equal.fingerprint);
  }
}

TEST_CASE("run: evaluates at multiples of eval_every and at the end") {
  const RunResult result = run(small());
  REQUIRE(result.history.size() == 4);
  CHECK(result.history[0].step == 0);
  CHECK(result.history[1].step == 8);
  CHECK(result.history[2].step == 16);
  CHECK(result.history[3].step == 20);
  CHECK(result.steps == 20);
  CHECK(result.metric == result.history.back().metric);
  CHECK(result.test_losses == result.history.back().test_losses);
  CHECK(result.weights == result.history.back().weights);
  CHECK(result.error.empty());
  CHECK_FALSE(result.interrupted);
  CHECK(result.seconds > 0);
}

TEST_CASE("run: evaluating more often changes nothing else") {
  RunOptions often = small();
  often.eval_every = 1;
  CHECK(run(often).fingerprint == run(small()).fingerprint);
  CHECK(run(often).history[8].metric == run(small()).history[1].metric);
}

TEST_CASE("run: cosines between the gradients of tasks at the anchor, at every evaluation") {
  RunOptions options = small("equal");
  options.problem.sigmas = {1, 10, 5};
  const RunResult result = run(options);
  for (const Evaluation& evaluation : result.history) {
    REQUIRE(evaluation.cosines.size() == 9);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(evaluation.cosines[4 * i] == 1);
      for (std::size_t j = 0; j < 3; ++j) {
        CHECK(evaluation.cosines[3 * i + j] == evaluation.cosines[3 * j + i]);
        CHECK(std::abs(evaluation.cosines[3 * i + j]) <= 1);
      }
    }
  }
  // || g_0 + g_1 ||^2 = || g_0 ||^2 + || g_1 ||^2 + 2 || g_0 || || g_1 || cos, of the first step.
  const nn::MultiTask model = initial_model(options);
  const Batch batch = make_problem(options).batch(0, options.batch_size);
  const Step step(nn::mse(model(constant(batch.x)), batch.targets, options.loss), model);
  const double both = norm(grad(step.loss(0) + step.loss(1), step.anchor()[0])).item();
  const std::vector<double>& norms = result.history[0].grad_norms;
  CHECK(both * both == doctest::Approx(norms[0] * norms[0] + norms[1] * norms[1] +
                                       2 * norms[0] * norms[1] * result.history[0].cosines[1])
                           .epsilon(1e-9));
  options.problem.sigmas = std::vector<double>(65, 1.0);
  CHECK(run(options).history[0].cosines.empty());
}

TEST_CASE("cosines: of a gradient that is zero there are none") {
  const Tensor zero = Tensor::from({2}, {0, 0}, DType::f32);
  const Tensor one = Tensor::from({2}, {3, 4}, DType::f32);
  const std::vector<double> found = cosines({{zero}, {one}});
  CHECK(std::isnan(found[0]));
  CHECK(std::isnan(found[1]));
  CHECK(found[3] == 1);
}

TEST_CASE("run: the metric starts at the number of tasks, exactly") {
  for (const char* balancer : {"equal", "uncertainty", "gradnorm"}) {
    RunOptions options = small(balancer);
    options.problem.sigmas = {48, 3, 54, 16, 9, 30, 52};
    const RunResult result = run(options);
    CHECK(result.metric_initial == 7.0);
    double expected = 0;
    for (std::size_t task = 0; task < 7; ++task) {
      expected += result.test_losses[task] / result.initial_test_losses[task];
    }
    CHECK(result.metric == expected);
  }
}

TEST_CASE("run: weights of gradnorm are positive and sum to the number of tasks") {
  for (const WeightForm form : {WeightForm::linear, WeightForm::log}) {
    RunOptions options = small();
    options.weight_form = form;
    options.weight_lr = 0.3;
    for (const Evaluation& evaluation : run(options).history) {
      CHECK(std::abs(sum(evaluation.weights) - 2) < 1e-12);
      for (const double weight : evaluation.weights) CHECK(weight > 0);
    }
  }
}

TEST_CASE("run: norms are of the weighted loss for every method, and only gradnorm has targets") {
  RunOptions options = small();
  options.eval_every = 1;
  const Evaluation equal = run([&] {
                             auto o = options;
                             o.balancer = "equal";
                             return o;
                           }())
                               .history[0];
  const Evaluation uncertainty = run([&] {
                                   auto o = options;
                                   o.balancer = "uncertainty";
                                   return o;
                                 }())
                                     .history[0];
  const Evaluation gradnorm = run(options).history[0];
  REQUIRE(equal.grad_norms.size() == 2);
  for (std::size_t task = 0; task < 2; ++task) {
    const double norm = equal.grad_norms[task];
    CHECK(norm > 0);
    CHECK(gradnorm.grad_norms[task] == doctest::Approx(norm).epsilon(1e-12));
    CHECK(uncertainty.grad_norms[task] == doctest::Approx(norm / 2).epsilon(1e-12));
    // At step 0 all rates are 1, so the target is the mean norm.
    CHECK(gradnorm.targets[task] == doctest::Approx(sum(equal.grad_norms) / 2).epsilon(1e-12));
  }
  CHECK(equal.targets.empty());
  CHECK(uncertainty.targets.empty());
  CHECK(uncertainty.weights == std::vector<double>{0.5, 0.5});
}

TEST_CASE("run: is a function of the seed, for any number of threads") {
  RunOptions options = small();
  options.problem.dtype = DType::f32;
  options.width = 100;
  options.batch_size = 100;
  options.steps = 5;
  const int before = threads();
  set_threads(1);
  const RunResult once = run(options);
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    const RunResult again = run(options);
    CHECK(again.fingerprint == once.fingerprint);
    CHECK(again.metric == once.metric);
  }
  set_threads(before);
  CHECK(once.fingerprint.size() == 16);
  CHECK(once.fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos);
  options.seed = 2;
  CHECK(run(options).fingerprint != once.fingerprint);
}

TEST_CASE("run: both ways to gradnorm's gradient agree") {
  RunOptions options = small();
  const RunResult second_order = run(options);
  options.path = GradNormPath::closed_form;
  CHECK(run(options).metric == doctest::Approx(second_order.metric).epsilon(1e-9));
}

TEST_CASE("run: every choice trains") {
  const double start = 2;
  std::vector<RunOptions> choices(6, small());
  choices[0].problem.inputs = Inputs::normal;
  choices[1].problem.inputs = Inputs::unit;
  choices[2].problem.data = Data::fixed;
  choices[3].problem.spread = Spread::variance;
  choices[4].loss = small().loss == nn::Reduction::sum ? nn::Reduction::mean : nn::Reduction::sum;
  choices[5].optimizer = OptimizerKind::sgd;
  choices[5].lr = 1e-5;
  choices[5].momentum = 0.9;
  for (RunOptions& options : choices) {
    options.steps = 60;
    const RunResult result = run(options);
    CHECK(result.error.empty());
    CHECK(std::isfinite(result.metric));
    CHECK(result.metric != start);
  }
}

TEST_CASE("run: the summed loss is the mean loss times the outputs") {
  RunOptions options = small();
  options.loss = nn::Reduction::mean;
  const double mean = run(options).initial_test_losses[1];
  options.loss = nn::Reduction::sum;
  CHECK(run(options).initial_test_losses[1] == doctest::Approx(5 * mean).epsilon(1e-12));
}

TEST_CASE("run: a run that diverges says so and keeps its last good evaluation") {
  RunOptions options = small("equal");
  options.problem.dtype = DType::f32;
  options.optimizer = OptimizerKind::sgd;
  options.lr = 10;
  options.eval_every = 1;
  options.steps = 200;
  const RunResult result = run(options);
  CHECK_FALSE(result.error.empty());
  CHECK(result.error.find('\n') == std::string::npos);
  CHECK(result.steps < 200);
  CHECK(std::isnan(result.metric));
  CHECK(result.metric_initial == 2.0);
  REQUIRE_FALSE(result.history.empty());
  CHECK(std::isfinite(result.history.back().metric));
  CHECK_FALSE(result.interrupted);
}

TEST_CASE("run: stops early with a last evaluation") {
  std::atomic<bool> stop = false;
  const Hooks hooks{.on_step = [&](std::int64_t done) { stop = done == 11; }, .stop = &stop};
  const RunResult result = run(small(), hooks);
  CHECK(result.interrupted);
  CHECK(result.steps == 11);
  CHECK(result.history.back().step == 11);
  CHECK(result.metric == result.history.back().metric);

  stop = false;
  const Hooks late{.on_step = [&](std::int64_t done) { stop = done == 20; }, .stop = &stop};
  CHECK_FALSE(run(small(), late).interrupted);
}

TEST_CASE("run: hooks see every evaluation and every step") {
  std::vector<std::int64_t> evaluations;
  std::int64_t steps = 0;
  const RunResult result =
      run(small(), {.on_evaluation = [&](const Evaluation& e) { evaluations.push_back(e.step); },
                    .on_step = [&](std::int64_t done) { CHECK(done == ++steps); }});
  CHECK(evaluations == std::vector<std::int64_t>{0, 8, 16, 20});
  CHECK(steps == 20);
}

TEST_CASE("run: takes nothing from the system in a step of the steady state") {
  if (!memory::pooled()) return;
  for (const char* balancer : {"equal", "uncertainty", "gradnorm"}) {
    RunOptions options = small(balancer);
    options.eval_every = 1000;
    std::int64_t after_warm_up = 0;
    std::int64_t at_end = 0;
    run(options, {.on_step = [&](std::int64_t done) {
          if (done == 10) after_warm_up = memory::stats().system_allocations;
          if (done == 20) at_end = memory::stats().system_allocations;
        }});
    CAPTURE(balancer);
    CHECK(at_end == after_warm_up);
  }
}

TEST_CASE("run: test losses beyond the range of f32 end the run, with one example they are in it") {
  RunOptions options = small("equal");
  options.problem.dtype = DType::f32;
  options.problem.sigmas = {4e17};
  options.problem.test_examples = 1000;
  options.batch_size = 1;
  const RunResult result = run(options);
  CHECK(result.error == "toy: test losses must be finite: inf for task 0");
  CHECK(result.history.empty());
}

TEST_CASE("run: refuses options out of range") {
  RunOptions options = small();
  options.steps = 0;
  CHECK_THROWS_WITH_AS(run(options),
                       "toy::run: steps, batch_size and eval_every must be at least 1: 0, 8, 8",
                       ConfigError);
  options = small("unheard");
  CHECK_THROWS_AS(run(options), ConfigError);
}

}  // namespace
}  // namespace taskgrad::toy
