#include <taskgrad/balancers/auto_lambda.h>
#include <taskgrad/balancers/look_ahead.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

AutoLambda::AutoLambda(int tasks, AutoLambdaOptions options)
    : options_(options), weights_(tasks, options.initial_weight), adam_(tasks, options.weight_lr) {
  if (tasks < 1) fail<ConfigError>("AutoLambda: at least one task: {}", tasks);
  for (const double value : {options.weight_lr, options.look_ahead, options.initial_weight}) {
    if (value >= 0 && std::isfinite(value)) continue;
    fail<ConfigError>("AutoLambda: options are finite and not negative: {}", value);
  }
}

Vec AutoLambda::weight_gradients(Step& step) const {
  const Point ahead =
      moved(current_point(step), step.combine(weights_, weights_), options_.look_ahead);
  Step validation = step_at(step, ahead, 1);
  const Gradients slope = validation.of(validation.weighted(Vec(step.tasks(), 1.0)));
  step.count_backward(validation.backward_passes());
  Vec gradients(step.tasks());
  for (const int task : step.present().tasks) {
    gradients[task] = -options_.look_ahead * along(step, task, slope);
  }
  return gradients;
}

Gradients AutoLambda::backward(Step& step) {
  check_tasks(step, weights_.size());
  const Vec gradients = weight_gradients(step);
  if (!all_finite(gradients)) {
    fail<NumericError>("auto_lambda: gradients in the weights must be finite: {}",
                       joined_numbers({gradients.begin(), gradients.end()}));
  }
  Gradients update = step.combine(weights_, weights_);
  adam_.step(weights_, gradients, step.present().tasks);
  weights_ = max(weights_, 0);
  return update;
}

void AutoLambda::visit_state(StateFields& fields) {
  fields("weights", weights_);
  fields("adam.", adam_);
}

}  // namespace taskgrad
