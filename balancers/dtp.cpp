#include <taskgrad/balancers/dtp.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

constexpr double kLowest = 0.1;
constexpr double kHighest = 0.99;

}  // namespace

Dtp::Dtp(int tasks, DtpOptions options)
    : options_(options), metric_(tasks, kLowest), initial_(tasks), reported_(tasks, -1.0) {
  if (tasks < 1) fail<ConfigError>("Dtp: at least one task: {}", tasks);
  if (!(options.gamma >= 0) || !std::isfinite(options.gamma)) {
    fail<ConfigError>("Dtp: gamma is finite and not negative: {}", options.gamma);
  }
  if (!(options.newest > 0 && options.newest <= 1)) {
    fail<ConfigError>("Dtp: newest lies in (0, 1]: {}", options.newest);
  }
}

Vec Dtp::weights() const {
  Vec w = metric_;
  for (double& k : w) k = -std::pow(1 - k, options_.gamma) * std::log(k);
  return w;
}

void Dtp::report(int task, double metric) {
  if (task < 0 || task >= metric_.size() || !(metric >= 0 && metric <= 1)) {
    fail<ConfigError>("Dtp::report: a metric in [0, 1] of one of {} tasks: {} of task {}",
                      metric_.size(), metric, task);
  }
  reported_[task] = metric;
}

Vec Dtp::step_weights(const Step& step) {
  check_tasks(step, metric_.size());
  for (const int task : step.present().tasks) {
    if (step.values()[task] > 0) continue;
    fail<NumericError>("Dtp: losses are positive, for the ratio L(t)/L(0): that of task {} is {}",
                       task, step.values()[task]);
  }
  for (const int task : step.present().tasks) {
    const double loss = step.values()[task];
    if (initial_[task] == 0) initial_[task] = loss;
    double metric =
        reported_[task] >= 0 ? reported_[task] : 1 - std::min(1.0, loss / initial_[task]);
    metric = std::clamp(metric, kLowest, kHighest);
    metric_[task] += options_.newest * (metric - metric_[task]);
    reported_[task] = -1;
  }
  return weights();
}

void Dtp::visit_state(StateFields& fields) {
  fields("metric", metric_);
  fields("initial_losses", initial_);
  fields("reported", reported_);
}

}  // namespace taskgrad
