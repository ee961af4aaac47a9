#include <taskgrad/balancers/look_ahead.h>
#include <taskgrad/balancers/moml.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

Moml::Moml(int tasks, MomlOptions options) : options_(options), weights_(tasks, 1.0) {
  if (tasks < 1) fail<ConfigError>("Moml: at least one task: {}", tasks);
  for (const double value : {options.weight_lr, options.look_ahead}) {
    if (value >= 0 && std::isfinite(value)) continue;
    fail<ConfigError>("Moml: options are finite and not negative: {}", value);
  }
}

Matrix Moml::upper_gradients(Step& step) const {
  const Point ahead =
      moved(current_point(step), step.combine(weights_, weights_), options_.look_ahead);
  Step validation = step_at(step, ahead, 1);
  Matrix g(validation.present().count(), step.tasks());
  for (int row = 0; row < g.rows(); ++row) {
    const Gradients slope =
        gradient_of(validation, validation.present().tasks[static_cast<std::size_t>(row)]);
    for (const int task : step.present().tasks) {
      g(row, task) = -options_.look_ahead * along(step, task, slope);
    }
  }
  step.count_backward(validation.backward_passes());
  return g;
}

Gradients Moml::backward(Step& step) {
  check_tasks(step, weights_.size());
  const Matrix g = upper_gradients(step);
  Matrix products(g.rows(), g.rows());
  for (int i = 0; i < g.rows(); ++i) {
    for (int j = 0; j < g.rows(); ++j) {
      for (int k = 0; k < g.columns(); ++k) products(i, j) += g(i, k) * g(j, k);
    }
  }
  if (!std::isfinite(trace(products))) {
    fail<NumericError>("moml: gradients in the weights must be finite");
  }
  const Vec c = solvers::min_norm(products);
  Vec slope(step.tasks());
  for (int i = 0; i < g.rows(); ++i) {
    for (int k = 0; k < g.columns(); ++k) slope[k] += c[i] * g(i, k);
  }
  Gradients update = step.combine(weights_, weights_);
  const List<int>& tasks = step.present().tasks;
  const Vec before = gather(weights_, tasks);
  scatter(
      weights_, tasks,
      solvers::project_simplex(before - options_.weight_lr * gather(slope, tasks), sum(before)));
  return update;
}

}  // namespace taskgrad
