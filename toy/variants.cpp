#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/toy/variants.h>

#include <array>
#include <cmath>

namespace taskgrad::toy {
namespace {

using Update = Departure::Update;

constexpr double kClamp = 1e-4;            // of linear_sgd
constexpr double kSmallestWeight = 1e-12;  // keeps weights of the others above 0

constexpr std::array kDepartures = {
    Departure{.name = "reversed_alpha", .rule = "r_i^-alpha", .reversed_alpha = true},
    Departure{.name = "weighted_ratios", .rule = "L_i/L_i(0) of w_i L_i", .weighted_ratios = true},
    Departure{.name = "common_target", .rule = "one target for all tasks", .common_target = true},
    Departure{
        .name = "late_initial", .rule = "L_i(0) moves in the first epoch", .late_initial = true},
    Departure{.name = "polluted", .rule = "the network is trained on L_grad too", .polluted = true},
    Departure{
        .name = "unweighted_heads", .rule = "heads see L_i, not w_i L_i", .unweighted_heads = true},
    Departure{.name = "sum_of_one", .rule = "sum w = 1", .sum_of_one = true},
    Departure{
        .name = "rare_renormalise", .rule = "sum w = K once an epoch", .rare_renormalise = true},
    Departure{
        .name = "fresh_adam", .rule = "a new Adam at every step", .update = Update::fresh_adam},
    Departure{.name = "softmax", .rule = "w = K softmax(s)", .update = Update::softmax},
    Departure{.name = "linear_sgd",
              .rule = "SGD on w by a mean, clamp last",
              .update = Update::linear_sgd},
};

double sign(double x) { return static_cast<double>(x > 0) - static_cast<double>(x < 0); }

Var joint_norm(std::span<const Var> gradients) {
  Var total = norm(gradients[0]);
  for (const Var& gradient : gradients.subspan(1)) total = hypot(total, norm(gradient));
  return total;
}

}  // namespace

std::span<const Departure> departures() { return kDepartures; }

GradNormVariant::GradNormVariant(int tasks, const Departure& departure, double alpha,
                                 double weight_lr)
    : departure_(departure),
      alpha_(alpha),
      weight_lr_(weight_lr),
      w_(tasks, departure.sum_of_one ? 1.0 / tasks : 1.0),
      initial_(tasks),
      scores_(tasks),
      adam_(tasks, weight_lr) {}

Gradients GradNormVariant::backward(Step& step) {
  check_tasks(step, w_.size());
  if (step.present().count() != step.tasks()) {
    fail<ConfigError>("{}: every task must be present: {} of {} are", name(),
                      step.present().count(), step.tasks());
  }
  List<Var> graphs;  // G_i, with their graph where L_grad is to reach the network
  Vec norms(step.tasks());
  for (int task = 0; task < step.tasks(); ++task) {
    graphs.push_back(joint_norm(
        grad(step.loss(task) * w_[task], step.anchor(), {.create_graph = departure_.polluted})));
    norms[task] = graphs.back().item();
  }
  step.count_backward(step.tasks());
  const Vec target = targets(step, norms);
  if (!all_finite(norms) || !all_finite(target)) {
    fail<NumericError>("{}: norms and targets must be finite", name());
  }

  Var objective = step.weighted(w_);
  Vec slopes(step.tasks());  // of L_grad in w
  for (int task = 0; task < step.tasks(); ++task) {
    slopes[task] = sign(norms[task] - target[task]) * norms[task] / w_[task];
    if (departure_.polluted) objective = objective + abs(graphs[std::size_t(task)] - target[task]);
  }
  Gradients update =
      departure_.unweighted_heads ? step.combine(w_, Vec(step.tasks(), 1.0)) : step.of(objective);
  move(slopes);
  return update;
}

Vec GradNormVariant::targets(const Step& step, const Vec& norms) {
  const Vec losses = departure_.weighted_ratios ? step.values() * w_ : step.values();
  const bool first = initial_[0] == 0;
  if (first || (departure_.late_initial && epochs_ == 0)) initial_ = losses;
  Vec rates = losses / initial_;
  const double mean_rate = mean(rates);
  for (double& rate : rates) {
    const double relative = departure_.common_target ? mean_rate : rate / mean_rate;
    rate = mean(norms) * std::pow(relative, departure_.reversed_alpha ? -alpha_ : alpha_);
  }
  return rates;
}

void GradNormVariant::move(const Vec& slopes) {
  const int tasks = w_.size();
  switch (departure_.update) {
    case Update::log_adam: {
      Vec logs = log(w_);
      adam_.step(logs, w_ * slopes);
      w_ = max(exp(logs), kSmallestWeight);
      break;
    }
    case Update::fresh_adam:
      for (int i = 0; i < tasks; ++i) w_[i] *= std::exp(-weight_lr_ * sign(slopes[i]));
      w_ = max(w_, kSmallestWeight);
      break;
    case Update::softmax: {
      const double common = dot(w_, slopes) / tasks;
      adam_.step(scores_, w_ * (slopes - Vec(tasks, common)));
      w_ = max(double(tasks) * softmax(scores_), kSmallestWeight);
      return;
    }
    case Update::linear_sgd:
      for (int i = 0; i < tasks; ++i) w_[i] -= weight_lr_ * slopes[i] / tasks;
      renormalise();
      w_ = max(w_, kClamp);
      return;
  }
  if (!departure_.rare_renormalise) renormalise();
}

void GradNormVariant::renormalise() { w_ *= total() / sum(w_); }

void GradNormVariant::end_epoch() {
  ++epochs_;
  if (departure_.rare_renormalise) renormalise();
}

void GradNormVariant::visit_state(StateFields& fields) {
  fields("weights", w_);
  fields("initial_losses", initial_);
  fields("scores", scores_);
  fields("adam.", adam_);
  fields("epochs", epochs_);
}

std::unique_ptr<Balancer> make_variant(std::string_view name, int tasks, double alpha,
                                       double weight_lr) {
  for (const Departure& departure : kDepartures) {
    if (departure.name == name) {
      return std::make_unique<GradNormVariant>(tasks, departure, alpha, weight_lr);
    }
  }
  return nullptr;
}

}  // namespace taskgrad::toy
