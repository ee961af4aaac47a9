// One training run of the toy experiment: model, data, balancer, optimizer and what is measured.
// Knows no printing and no files.
#pragma once

#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/state_dict.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/multi_task.h>
#include <taskgrad/toy/problem.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taskgrad::toy {

enum class OptimizerKind { adam, sgd };

struct RunOptions {
  ProblemOptions problem = {};
  int width = 100;                    ///< of every layer of the trunk
  std::string balancer = "gradnorm";  ///< of the library, or one of departures()
  std::string label = {};             ///< what reports call the run; empty for the balancer
  std::vector<double> weights = {};   ///< of the balancer `static`; empty for ones
  double alpha = 0.12;                ///< of GradNorm
  double weight_lr = 0.025;           ///< of methods that learn weights
  GradNormPath path = GradNormPath::second_order;
  WeightForm weight_form = WeightForm::log;
  OptimizerKind optimizer = OptimizerKind::adam;
  double lr = 3e-3;
  double momentum = 0;  ///< of sgd
  nn::Reduction loss = nn::Reduction::sum;
  /// lambda of training losses L_i + lambda sqrt(batch) || dL_i/dx ||: a gradient norm that is
  /// itself differentiated in the parameters. Of the size of L_i a unit of x, whatever the batch.
  double input_penalty = 0;
  std::int64_t steps = 2000;
  int batch_size = 100;
  std::int64_t eval_every = 20;
  std::uint64_t seed = 1;

  int tasks() const { return static_cast<int>(problem.sigmas.size()); }
  bool operator==(const RunOptions&) const = default;
  const std::string& name() const { return label.empty() ? balancer : label; }
};

/// The state of a run at one step: parameters and weights before the update of that step.
struct Evaluation {
  std::int64_t step = 0;
  std::vector<double> train_losses = {};  ///< L_i on the batch of this step
  std::vector<double> weights = {};       ///< w_i, empty for a method without
  std::vector<double> grad_norms = {};    ///< || grad_W (w_i L_i) || with W the anchor of the model
  std::vector<double> targets = {};       ///< of GradNorm, else empty
  std::vector<double> cosines = {};       ///< of grad_W L_i, row by row; of up to 64 tasks
  std::vector<double> test_losses = {};
  double metric = 0;  ///< sum_i L_i(step) / L_i(0) on the test set; the number of tasks at step 0

  bool operator==(const Evaluation&) const = default;
};

struct RunResult {
  std::string balancer = {};
  std::string label = {};  ///< as in the options
  int tasks = 0;
  std::vector<double> sigmas = {};
  std::uint64_t seed = 0;
  std::int64_t steps = 0;  ///< updates done
  double metric = 0;       ///< at the end; NaN for a run that broke off with an error
  double metric_initial = 0;
  std::vector<double> weights = {};       ///< at the end
  std::vector<double> mean_weights = {};  ///< over all steps, each at its start: E_t[w_i]
  std::vector<double> test_losses = {};
  std::vector<double> initial_test_losses = {};
  /// On the test set at the end: sum_i L_i/L_i(0) at inputs with noise N(0, kInputNoise^2), and the
  /// mean over tasks of sqrt(examples) || dL_i/dx || / L_i(0).
  double noisy_metric = 0;
  double input_slope = 0;
  double seconds = 0;
  std::string fingerprint = {};  ///< hash of the bits of the final parameters, 16 hex digits
  std::string error = {};  ///< why the run broke off (a loss or gradient was not finite), or empty
  bool interrupted = false;
  std::vector<Evaluation> history = {};

  const std::string& name() const { return label.empty() ? balancer : label; }
};

/// A run as far as it got, and what it needs to go on with the same bits.
struct Checkpoint {
  RunResult result = {};  ///< of a run stopped there; not `interrupted` once the run is done
  StateDict state = {};   ///< of the parameters, the optimizer and the balancer

  bool began() const { return !result.history.empty() || !result.error.empty(); }
  bool done() const { return began() && !result.interrupted; }
};

inline constexpr double kInputNoise = 0.1;

struct Hooks {
  std::function<void(const Evaluation&)> on_evaluation = {};
  std::function<void(std::int64_t steps_done)> on_step = {};
  /// Every `checkpoint_every` steps, when the run is stopped and when it is done.
  std::function<void(const Checkpoint&)> on_checkpoint = {};
  std::int64_t checkpoint_every = 0;        ///< 0: a twentieth of the steps
  const std::atomic<bool>* stop = nullptr;  ///< ends the run, with a last evaluation, when true
};

/// A trunk of four Linear+ReLU layers and one affine head a task.
nn::MultiTask make_model(int tasks, int input_size = 250, int width = 100, int output_size = 100);

/// The model of a run at step 0: the same for every balancer.
nn::MultiTask initial_model(const RunOptions& options);
/// The data of a run: the same for every balancer.
ScaledRegression make_problem(const RunOptions& options);

/// What a step of training starts from.
struct TrainingLosses {
  List<Var> losses;
  Var representation;  ///< the output of the trunk; undefined if losses depend on the trunk besides
};

/// The losses that are trained on at these examples, with the penalty of the options.
TrainingLosses training_losses(const RunOptions& options, const nn::MultiTask& model,
                               const Batch& batch);

/// Fills those fields of a result that follow from its history.
void conclude(RunResult& result);

/// Trains `steps` steps and evaluates at every multiple of eval_every and at the end. Equal bits
/// for every thread count, and for a run that goes on `from` a checkpoint of the same options. A
/// run that diverges does not throw: its result says so in `error`, and the last evaluation that
/// could be made ends its history. Throws ConfigError for options out of range, ConfigError or
/// ShapeError for a state that does not fit them, and whatever a hook throws.
RunResult run(const RunOptions& options, const Hooks& hooks = {}, const Checkpoint& from = {});

}  // namespace taskgrad::toy
