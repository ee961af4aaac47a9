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

#include <fmt/format.h>

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

constexpr std::string_view kParameters = "parameters.";
constexpr std::string_view kOptimizer = "optimizer.";
constexpr std::string_view kBalancer = "balancer.";

void add(StateDict& whole, std::string_view prefix, const StateDict& part) {
  for (const auto& [name, tensor] : part.tensors) {
    whole.tensors.emplace(fmt::format("{}{}", prefix, name), tensor);
  }
}

StateDict part_of(const StateDict& whole, std::string_view prefix) {
  StateDict part;
  for (const auto& [name, tensor] : whole.tensors) {
    if (name.starts_with(prefix)) part.tensors.emplace(name.substr(prefix.size()), tensor);
  }
  return part;
}

/// The parts of one run, alive while it trains.
class Trainer {
 public:
  Trainer(const RunOptions& options, const Checkpoint& from)
      : options_(options),
        problem_(make_problem(options)),
        model_(initial_model(options)),
        balancer_(make_method(options)),
        optimizer_(make_optimizer(options, model_)),
        result_(from.result) {
    result_.balancer = options.balancer;
    result_.label = options.label;
    result_.tasks = options.tasks();
    result_.sigmas = options.problem.sigmas;
    result_.seed = options.seed;
    if (!from.began()) return;
    model_.load(part_of(from.state, kParameters));
    optimizer_->load(part_of(from.state, kOptimizer));
    balancer_->load(part_of(from.state, kBalancer));
  }

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

  /// Trains until the steps are done, `hooks.stop` is set or a number is not finite; checkpoint()
  /// is of that moment.
  void train(const Hooks& hooks) {
    const std::int64_t first = result_.steps;
    for (std::int64_t t = first;; ++t) {
      const bool done = t == options_.steps;
      result_.interrupted = hooks.stop != nullptr && *hooks.stop && !done;
      // Before the evaluation that only a stopped run makes: the run that goes on must not have it.
      const bool due = t % checkpoint_every(hooks) == 0 && !done;
      if (hooks.on_checkpoint && t > first && (due || result_.interrupted)) {
        hooks.on_checkpoint(checkpoint(/*interrupted=*/true));
      }

      const Batch batch = problem_.batch(t, options_.batch_size);
      const bool last = done || result_.interrupted;
      // When the optimizer moves, the graph is gone: it then writes the parameters in place.
      const nn::Gradients update = pass(t, batch, last, hooks);
      if (last) return;
      optimizer_->step(update);
      tell_balancer(t, batch);
      result_.steps = t + 1;
      if (hooks.on_step) hooks.on_step(result_.steps);
    }
  }

  void diverged(const NumericError& error) { result_.error = error.what(); }

  Checkpoint checkpoint(bool interrupted) {
    Checkpoint checkpoint{.result = result_, .state = {}};
    RunResult& result = checkpoint.result;
    conclude(result);
    result.fingerprint = fingerprint(model_);
    result.seconds += std::chrono::duration<double>(Clock::now() - start_).count();
    result.interrupted = interrupted;
    add(checkpoint.state, kParameters, model_.state());
    add(checkpoint.state, kOptimizer, optimizer_->state());
    add(checkpoint.state, kBalancer, balancer_->state());
    return checkpoint;
  }

  bool interrupted() const { return result_.interrupted; }

 private:
  using Clock = std::chrono::steady_clock;

  // Forward and, unless it is the last, backward; evaluates where that is due.
  nn::Gradients pass(std::int64_t t, const Batch& batch, bool last, const Hooks& hooks) {
    TrainingLosses start = training_losses(options_, model_, batch);
    Step step(std::move(start.losses), model_,
              {.representation = start.representation, .batches = further_batches(t, batch)});
    if (last || t % options_.eval_every == 0) {
      result_.history.push_back(evaluate(t, step));
      if (hooks.on_evaluation) hooks.on_evaluation(result_.history.back());
    }
    if (last) return {};
    add_weights();
    return balancer_->backward(step);
  }

  std::int64_t checkpoint_every(const Hooks& hooks) const {
    constexpr std::int64_t kUsual = 20;  // of a run
    if (hooks.checkpoint_every > 0) return hooks.checkpoint_every;
    return std::max<std::int64_t>(1, options_.steps / kUsual);
  }

  List<Var> losses(const Batch& batch) const {
    return training_losses(options_, model_, batch).losses;
  }

  /// The running mean of the weights, each of the start of its step.
  void add_weights() {
    const Vec weights = balancer_->weights();
    result_.mean_weights.resize(static_cast<std::size_t>(weights.size()));
    const auto count = static_cast<double>(result_.steps + 1);
    for (std::size_t i = 0; i < result_.mean_weights.size(); ++i) {
      double& mean = result_.mean_weights[i];
      mean += (weights[static_cast<int>(i)] - mean) / count;
    }
  }

  /// Further batches for a method that wants them: those of steps that never come.
  std::function<List<Var>(int k)> further_batches(std::int64_t t, const Batch& batch) const {
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    if (!balancer_->wants_batches()) return {};
    return [this, t, batch](int k) {
      return losses(k == 0 ? batch : problem_.batch(t + k * kFar, options_.batch_size));
    };
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

    const Evaluation& first = result_.history.empty() ? evaluation : result_.history.front();
    for (std::size_t task = 0; task < first.test_losses.size(); ++task) {
      evaluation.metric += evaluation.test_losses[task] / first.test_losses[task];
    }
    return evaluation;
  }

  const RunOptions& options_;
  ScaledRegression problem_;
  nn::MultiTask model_;
  std::unique_ptr<Balancer> balancer_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  RunResult result_;  // `seconds` are those before start_
  const Clock::time_point start_ = Clock::now();
};

void check(const RunOptions& options) {
  if (options.steps < 1 || options.batch_size < 1 || options.eval_every < 1) {
    fail<ConfigError>("toy::run: steps, batch_size and eval_every must be at least 1: {}, {}, {}",
                      options.steps, options.batch_size, options.eval_every);
  }
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

TrainingLosses training_losses(const RunOptions& options, const nn::MultiTask& model,
                               const Batch& batch) {
  const bool penalised = options.input_penalty != 0;
  const Var x = penalised ? leaf(batch.x) : constant(batch.x);
  const Var representation = model.represent(x);
  if (static_cast<int>(batch.targets.size()) != model.tasks()) {
    fail<ConfigError>("training_losses: one target a task: {} tasks · {} targets", model.tasks(),
                      batch.targets.size());
  }
  List<Var> losses;
  for (int task = 0; task < model.tasks(); ++task) {
    losses.push_back(nn::mse(model.predict(representation, task),
                             batch.targets[static_cast<std::size_t>(task)], options.loss));
  }
  if (!penalised) return {std::move(losses), representation};
  const double factor = options.input_penalty * std::sqrt(double(batch.x.shape()[0]));
  for (Var& loss : losses) {
    loss = loss + norm(grad(loss, x, {.create_graph = true})) * factor;
  }
  return {std::move(losses), Var()};
}

ScaledRegression make_problem(const RunOptions& options) {
  return {options.problem, Rng(options.seed).stream("data")};
}

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

RunResult run(const RunOptions& options, const Hooks& hooks, const Checkpoint& from) {
  check(options);
  if (from.done()) return from.result;
  Trainer trainer(options, from);
  try {
    trainer.train(hooks);
  } catch (const NumericError& error) {
    trainer.diverged(error);
  }
  Checkpoint end = trainer.checkpoint(trainer.interrupted());
  if (!end.result.history.empty() && end.result.error.empty()) trainer.probe_inputs(end.result);
  if (hooks.on_checkpoint && end.done()) hooks.on_checkpoint(end);
  return end.result;
}

}  // namespace taskgrad::toy
