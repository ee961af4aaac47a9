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
  for (double& value : w) value = scale() * std::exp(-value);
  return w;
}

Var Uncertainty::objective(const Step& step, std::span<const Var> own) {
  check_tasks(step, log_variance_.size());
  Var total;
  for (const int task : step.present().tasks) {
    const Var& s = own[static_cast<std::size_t>(task)];
    const Var term = exp(-s) * step.loss(task) * scale() + s * 0.5;
    total = total.defined() ? total + term : term;
  }
  return total;
}

void Uncertainty::update_own(const Vec& gradients, const Present& present) {
  adam_.step(log_variance_, gradients, present.tasks);
}

void Uncertainty::visit_state(StateFields& fields) {
  fields("log_variance", log_variance_);
  fields("adam.", adam_);
}

void Uncertainty::reset() { *this = Uncertainty(log_variance_.size(), options_); }

}  // namespace taskgrad
