#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

Uncertainty::Uncertainty(int tasks, UncertaintyOptions options)
    : options_(options),
      log_variance_(tasks, options.initial_log_variance),
      adam_(tasks, options.weight_lr) {
  if (tasks < 1) fail<ConfigError>("Uncertainty: at least one task: {}", tasks);
  if (!(options.weight_lr >= 0) || !std::isfinite(options.weight_lr)) {
    fail<ConfigError>("Uncertainty: weight_lr is finite and not negative: {}", options.weight_lr);
  }
  if (!std::isfinite(options.initial_log_variance)) {
    fail<ConfigError>("Uncertainty: initial_log_variance is finite: {}",
                      options.initial_log_variance);
  }
}

Vec Uncertainty::weights() const {
  Vec w = log_variance_;
  for (double& value : w) value = 0.5 * std::exp(-value);
  return w;
}

Var Uncertainty::objective(const Step& step, std::span<const Var> own) {
  if (step.tasks() != log_variance_.size()) {
    fail<ConfigError>("Uncertainty: made for {} tasks: the step has {}", log_variance_.size(),
                      step.tasks());
  }
  Var total;
  for (int i = 0; i < step.tasks(); ++i) {
    const Var& s = own[static_cast<std::size_t>(i)];
    const Var term = (exp(-s) * step.loss(i) + s) * 0.5;
    total = i == 0 ? term : total + term;
  }
  return total;
}

void Uncertainty::update_own(const Vec& gradients) { adam_.step(log_variance_, gradients); }

StateDict Uncertainty::state() const {
  StateDict state;
  state.tensors["log_variance"] = to_tensor(log_variance_);
  adam_.save(state, "adam.");
  return state;
}

void Uncertainty::load(const StateDict& state) {
  Vec loaded = to_vec(required(state, "log_variance", {log_variance_.size()}, "Uncertainty::load"));
  adam_.load(state, "adam.");
  log_variance_ = std::move(loaded);
}

void Uncertainty::reset() { *this = Uncertainty(log_variance_.size(), options_); }

}  // namespace taskgrad
