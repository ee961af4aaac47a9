#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/optim.h>
#include <taskgrad/toy/anchor_gradients.h>
#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/variants.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

namespace taskgrad::toy {
namespace {

std::unique_ptr<Balancer> make_method(const RunOptions& options) {
  if (options.balancer == "gradnorm") {
    return std::make_unique<GradNorm>(options.tasks(),
                                      GradNormOptions{.alpha = options.alpha,
                                                      .weight_lr = options.weight_lr,
                                                      .path = options.path,
                                                      .weight_form = options.weight_form});
  }
  if (options.balancer == "uncertainty") {
    return std::make_unique<Uncertainty>(options.tasks(),
                                         UncertaintyOptions{.weight_lr = options.weight_lr});
  }
  if (options.balancer == "static" && !options.weights.empty()) {
    return std::make_unique<Static>(Vec(options.weights));
  }
  if (auto variant =
          make_variant(options.balancer, options.tasks(), options.alpha, options.weight_lr)) {
    return variant;
  }
  return make_balancer(options.balancer, options.tasks());
}

std::unique_ptr<nn::Optimizer> make_optimizer(const RunOptions& options,
                                              const nn::MultiTask& model) {
  if (options.optimizer == OptimizerKind::adam) {
    return std::make_unique<nn::Adam>(model.all(), nn::AdamOptions{.lr = options.lr});
  }
  return std::make_unique<nn::Sgd>(model.all(),
                                   nn::SgdOptions{.lr = options.lr, .momentum = options.momentum});
}

std::vector<double> to_vector(const Vec& values) { return {values.begin(), values.end()}; }

/// Empty for so many tasks that the matrix would outweigh all else that is measured.
std::vector<double> known_cosines(const List<List<Tensor>>& gradients) {
  constexpr std::size_t kMostTasks = 64;
  return gradients.size() <= kMostTasks ? cosines(gradients) : std::vector<double>();
}

std::vector<double> test_losses(const nn::MultiTask& model, const Batch& test,
                                nn::Reduction reduction) {
  const NoGrad off;
  std::vector<double> losses;
  for (const Var& loss : nn::mse(model(constant(test.x)), test.targets, reduction)) {
    if (!std::isfinite(loss.item())) {
      fail<NumericError>("toy: test losses must be finite: {} for task {}", loss.item(),
                         losses.size());
    }
    losses.push_back(loss.item());
  }
  return losses;
}

std::string fingerprint(const nn::MultiTask& model) {
  std::uint64_t hash = 0;
  for (const auto& [name, parameter] : model.all()) {
    hash = hash_bits(parameter.value().value(), hash);
  }
  return fmt::format("{:016x}", hash);
}

/// The parts of one run, alive while it trains.
class Trainer {
 public:
  explicit Trainer(const RunOptions& options)
      : options_(options),
        problem_(make_problem(options)),
        model_(initial_model(options)),
        balancer_(make_method(options)),
        optimizer_(make_optimizer(options, model_)) {}

  const nn::MultiTask& model() const { return model_; }

  /// What the inputs do to the test losses; see RunResult.
  void probe_inputs(RunResult& result) const {
    const auto relative = [&](int task, double value) {
      return value / result.initial_test_losses[static_cast<std::size_t>(task)];
    };
    const Batch& test = problem_.test();
    const Tensor noise = Rng(options_.seed)
                             .stream("input noise")
                             .normal(test.x.shape(), 0, kInputNoise, options_.problem.dtype);
    const std::vector<double> noisy =
        test_losses(model_, {kernels::add(test.x, noise), test.targets}, options_.loss);
    const Var x = leaf(test.x);
    const List<Var> losses = nn::mse(model_(x), test.targets, options_.loss);
    result.noisy_metric = result.input_slope = 0;
    for (int task = 0; task < options_.tasks(); ++task) {
      const double slope = norm(grad(losses[std::size_t(task)], x)).item();
      result.noisy_metric += relative(task, noisy[std::size_t(task)]);
      result.input_slope += relative(task, slope) / options_.tasks();
    }
    result.input_slope *= std::sqrt(static_cast<double>(test.x.shape()[0]));
  }

  /// Trains until the steps are done, `hooks.stop` is set or a number is not finite; `result` is up
  /// to date at each moment.
  void train(const Hooks& hooks, RunResult& result) {
    for (std::int64_t t = 0;; ++t) {
      const Batch batch = problem_.batch(t, options_.batch_size);
      Step step(losses(batch), model_, step_options(t, batch));

      result.interrupted = hooks.stop != nullptr && *hooks.stop && t < options_.steps;
      const bool last = t == options_.steps || result.interrupted;
      if (last || t % options_.eval_every == 0) {
        result.history.push_back(evaluate(t, step));
        if (hooks.on_evaluation) hooks.on_evaluation(result.history.back());
      }
      if (last) return;

      add_weights(result);
      optimizer_->step(balancer_->backward(step));
      tell_balancer(t, batch);
      result.steps = t + 1;
      if (hooks.on_step) hooks.on_step(result.steps);
    }
  }

 private:
  List<Var> losses(const Batch& batch) const { return training_losses(options_, model_, batch); }

  /// The running mean of the weights, each of the start of its step.
  void add_weights(RunResult& result) const {
    const Vec weights = balancer_->weights();
    result.mean_weights.resize(static_cast<std::size_t>(weights.size()));
    const auto count = static_cast<double>(result.steps + 1);
    for (std::size_t i = 0; i < result.mean_weights.size(); ++i) {
      double& mean = result.mean_weights[i];
      mean += (weights[static_cast<int>(i)] - mean) / count;
    }
  }

  /// Further batches for a method that wants them: those of steps that never come.
  StepOptions step_options(std::int64_t t, const Batch& batch) const {
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    if (!balancer_->wants_batches()) return {};
    return {.batches = [this, t, batch](int k) {
      return losses(k == 0 ? batch : problem_.batch(t + k * kFar, options_.batch_size));
    }};
  }

  /// What some methods want to know after a step: the losses of the same batch, the end of an
  /// epoch.
  void tell_balancer(std::int64_t t, const Batch& batch) {
    if (balancer_->wants_after_step()) {
      const NoGrad off;
      std::vector<double> after;
      for (const Var& loss : losses(batch)) after.push_back(loss.item());
      balancer_->after_step(after);
    }
    const std::int64_t epoch = std::max(1, options_.problem.train_examples / options_.batch_size);
    if ((t + 1) % epoch == 0) balancer_->end_epoch();
  }

  Evaluation evaluate(std::int64_t t, Step& step) {
    const Vec weights = balancer_->weights();
    const List<List<Tensor>> gradients = anchor_gradients(step);
    Evaluation evaluation{.step = t,
                          .train_losses = to_vector(step.values()),
                          .weights = to_vector(weights),
                          .cosines = known_cosines(gradients),
                          .test_losses = test_losses(model_, problem_.test(), options_.loss)};
    if (const auto* gradnorm = dynamic_cast<const GradNorm*>(balancer_.get())) {
      const GradNorm::Observation seen = gradnorm->observe(step);
      evaluation.grad_norms = to_vector(seen.norms);
      evaluation.targets = to_vector(seen.targets);
    } else {
      evaluation.grad_norms = weighted_norms(gradients, weights);
    }

    if (initial_test_losses_.empty()) initial_test_losses_ = evaluation.test_losses;
    for (std::size_t task = 0; task < initial_test_losses_.size(); ++task) {
      evaluation.metric += evaluation.test_losses[task] / initial_test_losses_[task];
    }
    return evaluation;
  }

  const RunOptions& options_;
  ScaledRegression problem_;
  nn::MultiTask model_;
  std::unique_ptr<Balancer> balancer_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::vector<double> initial_test_losses_;
};

void check(const RunOptions& options) {
  if (options.steps < 1 || options.batch_size < 1 || options.eval_every < 1) {
    fail<ConfigError>("toy::run: steps, batch_size and eval_every must be at least 1: {}, {}, {}",
                      options.steps, options.batch_size, options.eval_every);
  }
}

/// Fills what follows from the history.
void conclude(RunResult& result) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  result.metric = result.metric_initial = nan;
  if (result.history.empty()) return;
  const Evaluation& first = result.history.front();
  const Evaluation& last = result.history.back();
  result.metric_initial = first.metric;
  result.initial_test_losses = first.test_losses;
  result.weights = last.weights;
  result.test_losses = last.test_losses;
  if (result.error.empty()) result.metric = last.metric;
}

}  // namespace

nn::MultiTask make_model(int tasks, int input_size, int width, int output_size) {
  using nn::Linear, nn::Relu;
  return nn::MultiTask(nn::Sequential(Linear(input_size, width), Relu(),  //
                                      Linear(width, width), Relu(),       //
                                      Linear(width, width), Relu(),       //
                                      Linear(width, width), Relu()),
                       nn::repeat(tasks, [&] { return Linear(width, output_size); }));
}

nn::MultiTask initial_model(const RunOptions& options) {
  const ProblemOptions& problem = options.problem;
  nn::MultiTask model =
      make_model(options.tasks(), problem.input_size, options.width, problem.output_size);
  model.to(problem.dtype);
  model.init(Rng(options.seed).stream("init"));
  return model;
}

List<Var> training_losses(const RunOptions& options, const nn::MultiTask& model,
                          const Batch& batch) {
  if (options.input_penalty == 0) {
    return nn::mse(model(constant(batch.x)), batch.targets, options.loss);
  }
  const Var x = leaf(batch.x);
  List<Var> losses = nn::mse(model(x), batch.targets, options.loss);
  const double factor = options.input_penalty * std::sqrt(double(batch.x.shape()[0]));
  for (Var& loss : losses) {
    loss = loss + norm(grad(loss, x, {.create_graph = true})) * factor;
  }
  return losses;
}

ScaledRegression make_problem(const RunOptions& options) {
  return {options.problem, Rng(options.seed).stream("data")};
}

RunResult run(const RunOptions& options, const Hooks& hooks) {
  check(options);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();

  RunResult result{.balancer = options.balancer,
                   .label = options.label,
                   .tasks = options.tasks(),
                   .sigmas = options.problem.sigmas,
                   .seed = options.seed};
  Trainer trainer(options);
  try {
    trainer.train(hooks, result);
  } catch (const NumericError& error) {
    result.error = error.what();
  }
  conclude(result);
  if (!result.history.empty() && result.error.empty()) trainer.probe_inputs(result);
  result.fingerprint = fingerprint(trainer.model());
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace taskgrad::toy
