#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/stch.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taskgrad {

Stch::Stch(int tasks, StchOptions options) : options_(options), counts_(tasks), nadir_(tasks) {
  if (tasks < 1) fail<ConfigError>("Stch: at least one task: {}", tasks);
  if (!(options.mu > 0) || !std::isfinite(options.mu)) {
    fail<ConfigError>("Stch: mu is finite and positive: {}", options.mu);
  }
  if (options.warmup_steps < 1) {
    fail<ConfigError>("Stch: at least one warm-up step, for the nadir: {}", options.warmup_steps);
  }
}

Var Stch::objective(const Step& step, std::span<const Var>) {
  check_tasks(step, counts_.size());
  double largest = -std::numeric_limits<double>::infinity();
  int smooth = 0;  // tasks past their warm-up
  for (const int task : step.present().tasks) {
    const double loss = step.values()[task];
    if (!(loss > 0)) {
      fail<NumericError>("Stch: losses are positive, for their logarithm: that of task {} is {}",
                         task, loss);
    }
    if (counts_[task] < options_.warmup_steps) continue;
    largest = std::max(largest, std::log(loss / nadir_[task]));
    ++smooth;
  }
  Var total;
  Var powers;
  for (const int task : step.present().tasks) {
    const Var logarithm = log(step.loss(task));
    if (counts_[task] >= options_.warmup_steps) {
      const double shift = std::log(nadir_[task]) + largest;
      const Var power = exp((logarithm - shift) / options_.mu);
      powers = powers.defined() ? powers + power : power;
    } else {
      total = total.defined() ? total + logarithm : logarithm;
      nadir_[task] += (step.values()[task] - nadir_[task]) / ++counts_[task];
    }
  }
  if (smooth == 0) return total;
  const Var value = (log(powers) * options_.mu + largest) * double(smooth);
  return total.defined() ? total + value : value;
}

void Stch::visit_state(StateFields& fields) {
  fields("counts", counts_);
  fields("nadir", nadir_);
}

}  // namespace taskgrad
