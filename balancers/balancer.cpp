#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/fail.h>

namespace taskgrad {

void Balancer::load(const StateDict& state) {
  if (!state.tensors.empty() || !state.text.empty()) {
    fail<ConfigError>("{}::load: this method has no state: {} tensors and {} texts were given",
                      name(), state.tensors.size(), state.text.size());
  }
}

Gradients Weighting::backward(Step& step) {
  const Vec w = step_weights(step);
  if (w.size() != step.tasks()) {
    fail<ConfigError>("{}: one weight a task: {} tasks · {} weights", name(), step.tasks(),
                      w.size());
  }
  Var total = step.loss(0) * w[0];
  for (int i = 1; i < step.tasks(); ++i) total = total + step.loss(i) * w[i];
  return step.of(total);
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
                       fmt::join(moved, ", "));
  }
  update_own(moved);
  return gradients;
}

Gradients Aggregator::backward(Step& step) {
  const Vec a = gramian_weights(step.gramian());
  return step.combine(a, Vec(step.tasks(), 1.0));
}

}  // namespace taskgrad
