#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {

StateDict Balancer::state() const {
  StateDict state;
  StateFields fields(StateFields::Mode::save, name(), state);
  const_cast<Balancer*>(this)->visit_state(fields);  // saving writes to no field
  return state;
}

void Balancer::load(const StateDict& state) {
  const std::string where = formatted("{}::load", name());
  StateDict copy = state;
  StateFields check(StateFields::Mode::check, where, copy);
  visit_state(check);
  if (check.names().empty() && !(state.tensors.empty() && state.text.empty())) {
    fail<ConfigError>("{}: this method has no state: {} tensors and {} texts were given", where,
                      state.tensors.size(), state.text.size());
  }
  for (const auto& [given, tensor] : state.tensors) {
    if (std::ranges::find(check.names(), given) != check.names().end()) continue;
    fail<ConfigError>("{}: the state has {}: '{}' was given too", where,
                      joined_words(check.names()), given);
  }
  StateFields load(StateFields::Mode::load, where, copy);
  visit_state(load);
}

void Balancer::check_tasks(const Step& step, int tasks) const {
  if (step.tasks() == tasks) return;
  fail<ConfigError>("{}: made for {} tasks: the step has {}", name(), tasks, step.tasks());
}

Gradients Weighting::backward(Step& step) {
  const Vec w = step_weights(step);
  if (w.size() != step.tasks()) {
    fail<ConfigError>("{}: one weight a task: {} tasks · {} weights", name(), step.tasks(),
                      w.size());
  }
  return step.of(step.weighted(w));
}

Gradients Scalarizer::backward(Step& step) {
  List<Var> own;
  for (const double value : own_values()) own.push_back(leaf(Tensor::scalar(value, step.dtype())));
  List<Tensor> own_gradients;
  Gradients gradients = step.of(objective(step, own), own, own_gradients);
  Vec moved(static_cast<int>(own_gradients.size()));
  for (int i = 0; i < moved.size(); ++i) {
    moved[i] = own_gradients[static_cast<std::size_t>(i)].item();
  }
  if (!all_finite(moved)) {
    fail<NumericError>("{}: gradients of the method's own parameters must be finite: {}", name(),
                       joined_numbers({moved.begin(), moved.end()}));
  }
  update_own(moved, step.present());
  return gradients;
}

Gradients Aggregator::backward(Step& step) {
  const Present& present = step.present();
  const Matrix gramian = gather(step.gramian(scope()), present.tasks);
  if (!std::isfinite(trace(gramian))) {
    fail<NumericError>("{}: gradients of the tasks must be finite", name());
  }
  Vec shared(step.tasks());
  scatter(shared, present.tasks, gramian_weights(gramian, present));
  return step.combine(shared, Vec(step.tasks(), 1.0), scope());
}

Gradients RowAggregator::backward(Step& step) {
  const Vec heads = head_weights(step);
  const Tensor rows = step.rows();
  if (!kernels::all_finite(rows)) {
    fail<NumericError>("{}: gradients of the tasks must be finite", name());
  }
  return step.assemble(direction(rows, step.present()), heads);
}

}  // namespace taskgrad
