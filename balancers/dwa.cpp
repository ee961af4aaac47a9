#include <taskgrad/balancers/dwa.h>
#include <taskgrad/core/fail.h>

#include <cmath>
#include <numeric>

namespace taskgrad {

Dwa::Dwa(int tasks, DwaOptions options)
    : options_(options), sums_(tasks), counts_(tasks), last_(tasks), before_(tasks) {
  if (tasks < 1) fail<ConfigError>("Dwa: at least one task: {}", tasks);
  if (!(options.temperature > 0) || !std::isfinite(options.temperature)) {
    fail<ConfigError>("Dwa: temperature is finite and positive: {}", options.temperature);
  }
}

Vec Dwa::weights_of(std::span<const int> tasks) const {
  Vec rates(static_cast<int>(tasks.size()), 1.0);
  for (int i = 0; i < rates.size(); ++i) {
    const int task = tasks[static_cast<std::size_t>(i)];
    if (before_[task] != 0) rates[i] = last_[task] / before_[task];
  }
  return double(rates.size()) * softmax((1 / options_.temperature) * rates);
}

Vec Dwa::weights() const {
  List<int> all(static_cast<std::size_t>(sums_.size()));
  std::iota(all.begin(), all.end(), 0);
  return weights_of(all);
}

void Dwa::end_epoch() {
  for (int i = 0; i < sums_.size(); ++i) {
    if (counts_[i] == 0) continue;
    before_[i] = last_[i];
    last_[i] = sums_[i] / counts_[i];
    sums_[i] = counts_[i] = 0;
  }
}

Vec Dwa::step_weights(const Step& step) {
  check_tasks(step, sums_.size());
  Vec w(step.tasks());
  scatter(w, step.present().tasks, weights_of(step.present().tasks));
  for (const int task : step.present().tasks) {
    sums_[task] += step.values()[task];
    ++counts_[task];
  }
  return w;
}

void Dwa::visit_state(StateFields& fields) {
  fields("sums", sums_);
  fields("counts", counts_);
  fields("last", last_);
  fields("before", before_);
}

}  // namespace taskgrad
