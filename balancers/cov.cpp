#include <taskgrad/balancers/cov.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

Cov::Cov(int tasks) : counts_(tasks), mean_loss_(tasks), mean_ratio_(tasks), squares_(tasks) {
  if (tasks < 1) fail<ConfigError>("Cov: at least one task: {}", tasks);
}

Vec Cov::step_weights(const Step& step) {
  check_tasks(step, counts_.size());
  const Present& present = step.present();
  bool ready = true;
  Vec variation(present.count());
  for (int i = 0; i < present.count(); ++i) {
    const int task = present.tasks[static_cast<std::size_t>(i)];
    if (!(present.losses[i] > 0)) {
      fail<NumericError>("Cov: losses are positive: that of task {} is {}", task,
                         present.losses[i]);
    }
    ready = ready && counts_[task] >= 2;
    if (ready) variation[i] = std::sqrt(squares_[task] / counts_[task]) / mean_ratio_[task];
  }
  ready = ready && sum(variation) > 0;
  Vec w(step.tasks());
  scatter(w, present.tasks,
          ready ? (1 / sum(variation)) * variation : Vec(present.count(), 1.0 / present.count()));
  for (const int task : present.tasks) observe(task, step.values()[task]);
  return w;
}

void Cov::observe(int task, double loss) {
  const double ratio = counts_[task] == 0 ? 1.0 : loss / mean_loss_[task];
  const double n = ++counts_[task];
  mean_loss_[task] += (loss - mean_loss_[task]) / n;
  const double before = ratio - mean_ratio_[task];
  mean_ratio_[task] += before / n;
  squares_[task] += before * (ratio - mean_ratio_[task]);
}

void Cov::visit_state(StateFields& fields) {
  fields("counts", counts_);
  fields("mean_loss", mean_loss_);
  fields("mean_ratio", mean_ratio_);
  fields("squares", squares_);
}

}  // namespace taskgrad
