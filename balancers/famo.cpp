#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/famo.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

Famo::Famo(int tasks, FamoOptions options)
    : options_(std::move(options)), xi_(tasks), adam_(tasks, options_.weight_lr) {
  if (tasks < 1) fail<ConfigError>("Famo: at least one task: {}", tasks);
  for (const double rate : {options_.weight_lr, options_.gamma}) {
    if (rate >= 0 && std::isfinite(rate)) continue;
    fail<ConfigError>("Famo: weight_lr and gamma are finite and not negative: {}", rate);
  }
  if (!options_.lower_bounds.empty() && options_.lower_bounds.size() != tasks) {
    fail<ConfigError>("Famo: one lower bound a task: {} tasks · {} bounds", tasks,
                      options_.lower_bounds.size());
  }
}

double Famo::log_above(int task, double loss) const {
  const double bound = options_.lower_bounds.empty() ? 0.0 : options_.lower_bounds[task];
  if (!(loss - bound + kEpsilon > 0) || !std::isfinite(loss)) {
    fail<NumericError>(
        "Famo: losses lie above their lower bounds: that of task {} is {}, its bound {} [give "
        "lower_bounds]",
        task, loss, bound);
  }
  return std::log(loss - bound + kEpsilon);
}

Var Famo::objective(const Step& step, std::span<const Var>) {
  check_tasks(step, xi_.size());
  const List<int>& tasks = step.present().tasks;
  Vec logs(step.present().count());
  for (int i = 0; i < logs.size(); ++i) {
    const int task = tasks[static_cast<std::size_t>(i)];
    logs[i] = log_above(task, step.values()[task]);
  }
  const Vec z = softmax(gather(xi_, tasks));
  const double scale = 1 / sum(z / exp(logs));
  Var total;
  for (int i = 0; i < z.size(); ++i) {
    const int task = tasks[static_cast<std::size_t>(i)];
    const double bound = options_.lower_bounds.empty() ? 0.0 : options_.lower_bounds[task];
    const Var term = log(step.loss(task) - (bound - kEpsilon)) * (scale * z[i]);
    total = total.defined() ? total + term : term;
  }
  stepped_ = tasks;
  logs_ = std::move(logs);
  return total;
}

void Famo::after_step(std::span<const double> losses) {
  if (static_cast<int>(losses.size()) != xi_.size()) {
    fail<ConfigError>("Famo::after_step: one loss a task: {} tasks · {} losses", xi_.size(),
                      losses.size());
  }
  if (stepped_.empty()) fail<ConfigError>("Famo::after_step: follows a backward(): none was made");
  Vec delta(logs_.size());
  for (int i = 0; i < delta.size(); ++i) {
    const int task = stepped_[static_cast<std::size_t>(i)];
    delta[i] = logs_[i] - log_above(task, losses[static_cast<std::size_t>(task)]);
  }
  const Vec z = softmax(gather(xi_, stepped_));
  const double mean_delta = dot(z, delta);
  Vec gradients(xi_.size());
  for (int i = 0; i < z.size(); ++i) {
    const int task = stepped_[static_cast<std::size_t>(i)];
    gradients[task] = z[i] * (delta[i] - mean_delta) + options_.gamma * xi_[task];
  }
  adam_.step(xi_, gradients, stepped_);
  stepped_.clear();
}

void Famo::visit_state(StateFields& fields) {
  fields("xi", xi_);
  fields("adam.", adam_);
}

}  // namespace taskgrad
