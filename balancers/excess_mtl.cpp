#include <taskgrad/balancers/excess_mtl.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <cmath>

namespace taskgrad {
namespace {

constexpr double kEpsilon = 1e-7;

}  // namespace

ExcessMtl::ExcessMtl(int tasks, ExcessMtlOptions options)
    : options_(options), weights_(tasks, 1.0), initial_(tasks), counts_(tasks), squares_(tasks) {
  if (tasks < 1) fail<ConfigError>("ExcessMtl: at least one task: {}", tasks);
  if (!(options.rate >= 0) || !std::isfinite(options.rate) || options.warmup_steps < 0) {
    fail<ConfigError>("ExcessMtl: rate and warmup_steps are finite and not negative: {}, {}",
                      options.rate, options.warmup_steps);
  }
}

Gradients ExcessMtl::backward(Step& step) {
  check_tasks(step, weights_.size());
  const List<int>& tasks = step.present().tasks;
  const Tensor rows = step.rows();
  if (!kernels::all_finite(rows)) {
    fail<NumericError>("excess_mtl: gradients of the tasks must be finite");
  }
  const Tensor squared = kernels::square(rows);
  const Tensor total = kernels::add(squares_.of(tasks, rows.shape()[1]), squared);
  const Tensor shares = kernels::div(squared, kernels::sqrt(kernels::add_scalar(total, kEpsilon)));
  squares_.set(tasks, total);

  const double left = sum(gather(weights_, tasks));
  for (int i = 0; i < step.present().count(); ++i) {
    const int task = tasks[static_cast<std::size_t>(i)];
    const double excess = kernels::sum(shares.select(0, i)).item();
    if (initial_[task] == 0) initial_[task] = excess;
    if (++counts_[task] <= options_.warmup_steps || initial_[task] == 0) continue;
    weights_[task] *= std::exp(options_.rate * excess / initial_[task]);
  }
  Vec moved = gather(weights_, tasks);
  moved *= left / sum(moved);
  scatter(weights_, tasks, moved);
  return step.combine(weights_, weights_);
}

void ExcessMtl::visit_state(StateFields& fields) {
  fields("weights", weights_);
  fields("initial_excess", initial_);
  fields("counts", counts_);
  squares_.visit_state(fields, "squares");
}

}  // namespace taskgrad
