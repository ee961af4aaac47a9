#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

// The log form needs no floor to stay positive; this one only keeps exp() from underflowing to 0.
constexpr double kSmallestWeight = 1e-12;

// The norm of several gradients taken together.
Var joint_norm(std::span<const Var> gradients) {
  Var total = norm(gradients[0]);
  for (const Var& gradient : gradients.subspan(1)) total = hypot(total, norm(gradient));
  return total;
}

double sign(double x) { return static_cast<double>(x > 0) - static_cast<double>(x < 0); }

void check_initial(const Vec& losses) {
  for (int i = 0; i < losses.size(); ++i) {
    if (!(losses[i] > 0) || !std::isfinite(losses[i])) {
      fail<NumericError>(
          "GradNorm: initial losses are positive, for the ratio L(t)/L(0): that of task {} is {} "
          "[give initial_losses]",
          i, losses[i]);
    }
  }
}

}  // namespace

GradNorm::GradNorm(int tasks, GradNormOptions options)
    : options_(std::move(options)),
      w_(tasks, 1.0),
      initial_(options_.initial_losses),
      adam_(tasks, options_.weight_lr) {
  if (tasks < 1) fail<ConfigError>("GradNorm: at least one task: {}", tasks);
  if (!std::isfinite(options_.alpha))
    fail<ConfigError>("GradNorm: alpha is finite: {}", options_.alpha);
  if (!(options_.weight_lr >= 0) || !std::isfinite(options_.weight_lr)) {
    fail<ConfigError>("GradNorm: weight_lr is finite and not negative: {}", options_.weight_lr);
  }
  if (!(options_.min_weight > 0 && options_.min_weight < 1)) {
    fail<ConfigError>("GradNorm: min_weight lies in (0, 1): {}", options_.min_weight);
  }
  if (!initial_.empty() && initial_.size() != tasks) {
    fail<ConfigError>("GradNorm: one initial loss a task: {} tasks · {} losses", tasks,
                      initial_.size());
  }
  check_initial(initial_);
}

Gradients GradNorm::backward(Step& step) {
  Observation seen =
      options_.path == GradNormPath::second_order ? differentiate(step) : observe(step);
  if (!all_finite(seen.targets) || !all_finite(seen.weight_gradients)) {
    fail<NumericError>("GradNorm: norms and targets must be finite: norms {} · targets {}",
                       fmt::join(seen.norms, ", "), fmt::join(seen.targets, ", "));
  }
  Var total = step.loss(0) * w_[0];
  for (int i = 1; i < step.tasks(); ++i) total = total + step.loss(i) * w_[i];
  Gradients update = step.of(total);  // at the weights of this step

  // What needs memory is made first, so that a step that runs out of it has moved nothing.
  Vec initial = initial_.empty() ? step.values() : initial_;
  VecAdam adam = adam_;
  Vec w = moved(adam, seen.weight_gradients);
  initial_ = std::move(initial);
  adam_ = std::move(adam);
  w_ = std::move(w);
  last_ = std::move(seen);
  return update;
}

// Algorithm 1 as the paper has it: L_grad is differentiated through the gradients at W.
GradNorm::Observation GradNorm::differentiate(Step& step) const {
  List<Var> w;
  List<Var> norms;  // G_i
  Vec norm_values(step.tasks());
  check_tasks(step);
  for (int i = 0; i < step.tasks(); ++i) {
    w.push_back(leaf(Tensor::scalar(w_[i], step.dtype())));
    norms.push_back(
        joint_norm(grad(w.back() * step.loss(i), step.anchor(), {.create_graph = true})));
    norm_values[i] = norms.back().item();
  }
  Observation seen = compare(step, std::move(norm_values));

  Var gap;  // L_grad; the targets are numbers, so nothing is differentiated through them
  for (int i = 0; i < step.tasks(); ++i) {
    const Var distance = abs(norms[static_cast<std::size_t>(i)] - seen.targets[i]);
    gap = i == 0 ? distance : gap + distance;
  }
  const List<Var> gradients = grad(gap, w);
  for (int i = 0; i < step.tasks(); ++i) {
    seen.weight_gradients[i] = gradients[static_cast<std::size_t>(i)].item();
  }
  step.count_backward(step.tasks() + 1);
  return seen;
}

// G_i = w_i ||grad_W L_i|| for w_i > 0, so dG_i/dw_i = G_i / w_i: no second derivative is needed.
GradNorm::Observation GradNorm::observe(Step& step) const {
  check_tasks(step);
  Vec norms(step.tasks());
  for (int i = 0; i < step.tasks(); ++i) {
    norms[i] = joint_norm(grad(step.loss(i) * w_[i], step.anchor())).item();
  }
  Observation seen = compare(step, std::move(norms));
  for (int i = 0; i < step.tasks(); ++i) {
    seen.weight_gradients[i] = sign(seen.norms[i] - seen.targets[i]) * seen.norms[i] / w_[i];
  }
  step.count_backward(step.tasks());
  return seen;
}

// Rates r_i and targets mean(G) r_i^alpha; L_i(0) is this batch's when there was none before.
GradNorm::Observation GradNorm::compare(const Step& step, Vec norms) const {
  if (initial_.empty()) check_initial(step.values());
  Vec rates = step.values() / (initial_.empty() ? step.values() : initial_);
  const double mean_rate = mean(rates);
  for (double& rate : rates) rate = mean_rate == 0 ? 1.0 : rate / mean_rate;

  const double mean_norm = mean(norms);
  Vec targets = rates;
  for (double& target : targets) target = mean_norm * std::pow(target, options_.alpha);
  return {w_, std::move(norms), std::move(rates), std::move(targets), Vec(step.tasks())};
}

void GradNorm::check_tasks(const Step& step) const {
  if (step.tasks() != w_.size()) {
    fail<ConfigError>("GradNorm: made for {} tasks: the step has {}", w_.size(), step.tasks());
  }
}

// Adam, the guard that keeps weights positive, and last of all sum_i w_i = K.
Vec GradNorm::moved(VecAdam& adam, const Vec& gradients) const {
  Vec w = w_;
  if (options_.weight_form == WeightForm::linear) {
    adam.step(w, gradients);
    w = max(w, options_.min_weight);
  } else {
    Vec v = log(w);  // dL/dv = w dL/dw
    adam.step(v, w * gradients);
    const double largest = *std::max_element(v.begin(), v.end());
    for (double& value : v) value -= largest;  // the scale is free: w is renormalised
    w = max(exp(v), kSmallestWeight);
  }
  w *= w.size() / sum(w);
  return w;
}

StateDict GradNorm::state() const {
  StateDict state;
  state.tensors["weights"] = to_tensor(w_);
  if (!initial_.empty()) state.tensors["initial_losses"] = to_tensor(initial_);
  adam_.save(state, "adam.");
  return state;
}

void GradNorm::load(const StateDict& state) {
  const Shape shape{w_.size()};
  Vec w = to_vec(required(state, "weights", shape, "GradNorm::load"));
  Vec initial;
  if (state.tensors.contains("initial_losses")) {
    initial = to_vec(required(state, "initial_losses", shape, "GradNorm::load"));
  }
  check_initial(initial);
  for (const double weight : w) {
    if (!(weight > 0) || !std::isfinite(weight)) {
      fail<ConfigError>("GradNorm::load: weights are positive: {}", weight);
    }
  }
  adam_.load(state, "adam.");
  w_ = std::move(w);
  initial_ = std::move(initial);
}

void GradNorm::reset() { *this = GradNorm(w_.size(), options_); }

}  // namespace taskgrad
