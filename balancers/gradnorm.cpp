#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

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

// grad_W w L_i. With a row to fill, the step has the trunk's output z: w L_i is gone through once,
// down to z and to its head, whose gradients become the row; from z it goes on to W.
List<Var> weighted_anchor_gradients(const Step& step, int task, double w, List<Tensor>* row) {
  const Var& loss = step.loss(task);
  const Var cotangent = constant(Tensor::full(loss.shape(), w, step.dtype()));
  if (row == nullptr) return grad(loss, step.anchor(), {.cotangent = cotangent});
  List<Var> inputs{step.representation()};
  inputs.insert(inputs.end(), step.head(task).begin(), step.head(task).end());
  const List<Var> found = grad(loss, inputs, {.unused = Unused::zeros, .cotangent = cotangent});
  for (const Var& gradient : found) row->push_back(gradient.value());
  return grad(step.representation(), step.anchor(), {.cotangent = found[0]});
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
  const bool representation = step.representation().defined();
  Passed passed;
  Observation seen = options_.path == GradNormPath::second_order
                         ? differentiate(step, passed)
                         : observe(step, representation ? &passed : nullptr);
  if (!all_finite(seen.targets) || !all_finite(seen.weight_gradients)) {
    fail<NumericError>("GradNorm: norms and targets must be finite: norms {} · targets {}",
                       joined_numbers({seen.norms.begin(), seen.norms.end()}),
                       joined_numbers({seen.targets.begin(), seen.targets.end()}));
  }
  const Vec ones(step.tasks(), 1.0);
  Gradients update = representation
                         ? step.pass_down(passed.rows, ones, ones, std::move(passed.anchor))
                         : step.of(step.weighted(w_));

  // What needs memory is made first, so that a step that runs out of it has moved nothing.
  Vec initial = initial_losses(step);
  VecAdam adam = adam_;
  Vec w = moved(adam, seen.weight_gradients, step.present().tasks);
  initial_ = std::move(initial);
  adam_ = std::move(adam);
  w_ = std::move(w);
  last_ = std::move(seen);
  return update;
}

void GradNorm::Passed::add(std::span<const Var> anchor_gradients) {
  for (std::size_t k = 0; k < anchor_gradients.size(); ++k) {
    const Tensor& gradient = anchor_gradients[k].value();
    if (anchor.size() == k) {
      anchor.push_back(gradient);
    } else {
      anchor[k] = kernels::add_into(std::move(anchor[k]), gradient);
    }
  }
}

// Algorithm 1 as the paper has it: L_grad is differentiated through the gradients at W.
GradNorm::Observation GradNorm::differentiate(Step& step, Passed& passed) const {
  check_tasks(step, w_.size());
  const List<int>& tasks = step.present().tasks;
  const std::size_t anchors = step.anchor().size();
  passed.rows.resize(static_cast<std::size_t>(step.tasks()));
  List<Var> w;
  List<Var> norms;  // G_i
  Vec norm_values(step.tasks());
  for (const int task : tasks) {
    w.push_back(leaf(Tensor::scalar(w_[task], step.dtype())));
    List<Var> inputs = step.anchor();
    if (step.representation().defined()) {
      inputs.push_back(step.representation());
      inputs.insert(inputs.end(), step.head(task).begin(), step.head(task).end());
    }
    const List<Var> found = grad(w.back() * step.loss(task), inputs, {.create_graph = true});
    norms.push_back(joint_norm(std::span(found).first(anchors)));
    norm_values[task] = norms.back().item();
    if (!step.representation().defined()) continue;
    passed.add(std::span(found).first(anchors));
    for (const Var& gradient : std::span(found).subspan(anchors)) {
      passed.rows[static_cast<std::size_t>(task)].push_back(gradient.value());
    }
  }
  Observation seen = compare(step, std::move(norm_values));

  Var gap;  // L_grad; the targets are numbers, so nothing is differentiated through them
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    const Var distance = abs(norms[k] - seen.targets[tasks[k]]);
    gap = k == 0 ? distance : gap + distance;
  }
  const List<Var> gradients = grad(gap, w);
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    seen.weight_gradients[tasks[k]] = gradients[k].item();
  }
  step.count_backward(static_cast<int>(tasks.size()) + 1);
  return seen;
}

// G_i = w_i ||grad_W L_i|| for w_i > 0, so dG_i/dw_i = G_i / w_i: no second derivative is needed.
GradNorm::Observation GradNorm::observe(Step& step, Passed* passed) const {
  check_tasks(step, w_.size());
  if (passed != nullptr) passed->rows.resize(static_cast<std::size_t>(step.tasks()));
  Vec norms(step.tasks());
  for (const int task : step.present().tasks) {
    step.count_backward(1);
    List<Tensor>* row = passed != nullptr ? &passed->rows[static_cast<std::size_t>(task)] : nullptr;
    const List<Var> gradients = weighted_anchor_gradients(step, task, w_[task], row);
    norms[task] = joint_norm(gradients).item();
    if (passed != nullptr) passed->add(gradients);
  }
  Observation seen = compare(step, std::move(norms));
  for (const int task : step.present().tasks) {
    seen.weight_gradients[task] =
        sign(seen.norms[task] - seen.targets[task]) * seen.norms[task] / w_[task];
  }
  return seen;
}

GradNorm::Observation GradNorm::observe(Step& step) const { return observe(step, nullptr); }

// L_i(0): of the first batch that has the task; 0 while there was none.
Vec GradNorm::initial_losses(const Step& step) const {
  Vec initial = initial_.empty() ? Vec(step.tasks()) : initial_;
  for (const int task : step.present().tasks) {
    if (initial[task] == 0) initial[task] = step.values()[task];
  }
  return initial;
}

// Rates r_i and targets mean(G) r_i^alpha, over the present tasks; 0 for an absent one.
GradNorm::Observation GradNorm::compare(const Step& step, Vec norms) const {
  const List<int>& tasks = step.present().tasks;
  const Vec initial = gather(initial_losses(step), tasks);
  check_initial(initial);
  Vec rates = step.present().losses / initial;
  const double mean_rate = mean(rates);
  for (double& rate : rates) rate = mean_rate == 0 ? 1.0 : rate / mean_rate;

  const double mean_norm = mean(gather(norms, tasks));
  Vec targets = rates;
  for (double& target : targets) target = mean_norm * std::pow(target, options_.alpha);

  Observation seen{w_, std::move(norms), Vec(w_.size()), Vec(w_.size()), Vec(w_.size())};
  scatter(seen.rates, tasks, rates);
  scatter(seen.targets, tasks, targets);
  return seen;
}

// Adam, the guard that keeps weights positive, and last of all sum_i w_i = K. The weight of an
// absent task stays; the others share out what it leaves.
Vec GradNorm::moved(VecAdam& adam, const Vec& gradients, std::span<const int> tasks) const {
  double total = w_.size();
  for (const double w : w_) total -= w;
  for (const int task : tasks) total += w_[task];
  if (static_cast<int>(tasks.size()) == w_.size()) total = w_.size();

  Vec w;
  if (options_.weight_form == WeightForm::linear) {
    Vec stepped = w_;
    adam.step(stepped, gradients, tasks);
    w = max(gather(stepped, tasks), options_.min_weight);
  } else {
    Vec stepped = log(w_);  // dL/dv = w dL/dw
    adam.step(stepped, w_ * gradients, tasks);
    w = gather(stepped, tasks);
    const double largest = *std::max_element(w.begin(), w.end());
    for (double& value : w) value -= largest;  // the scale is free: w is renormalised
    w = max(exp(w), kSmallestWeight);
  }
  w *= total / sum(w);
  Vec all = w_;
  scatter(all, tasks, w);
  return all;
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
  for (const double loss : initial) {
    if (loss != 0) check_initial({loss});  // 0: of a task that no batch had yet
  }
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
