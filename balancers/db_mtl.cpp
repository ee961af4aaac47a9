#include <taskgrad/balancers/db_mtl.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

DbMtl::DbMtl(int tasks, DbMtlOptions options) : options_(options), tasks_(tasks), running_(tasks) {
  if (tasks < 1) fail<ConfigError>("DbMtl: at least one task: {}", tasks);
  if (!(options.beta >= 0 && options.beta < 1)) {
    fail<ConfigError>("DbMtl: beta lies in [0, 1): {}", options.beta);
  }
  if (!(options.decay >= 0) || !std::isfinite(options.decay)) {
    fail<ConfigError>("DbMtl: decay is finite and not negative: {}", options.decay);
  }
}

Vec DbMtl::head_weights(const Step& step) const {
  check_tasks(step, tasks_);
  Vec heads(step.tasks());
  for (const int task : step.present().tasks) heads[task] = 1 / (step.values()[task] + kEpsilon);
  return heads;
}

Tensor DbMtl::direction(const Tensor& rows, const Present& present) {
  Vec inverse(present.count());
  for (int i = 0; i < inverse.size(); ++i) {
    if (!(present.losses[i] > 0)) {
      fail<NumericError>("DbMtl: losses are positive, for their logarithm: that of task {} is {}",
                         present.tasks[static_cast<std::size_t>(i)], present.losses[i]);
    }
    inverse[i] = 1 / (present.losses[i] + kEpsilon);
  }
  const double beta = options_.beta / std::pow(double(++steps_), options_.decay);
  const Tensor logs = kernels::mul(rows, to_tensor(inverse).reshape({inverse.size(), 1}));
  const Tensor y = mix(logs, running_.of(present.tasks, rows.shape()[1]), beta);
  running_.set(present.tasks, y);

  Vec norms(present.count());
  for (int i = 0; i < norms.size(); ++i) norms[i] = kernels::norm(y.select(0, i)).item();
  const double longest = *std::max_element(norms.begin(), norms.end());
  Vec weights = norms;
  for (double& value : weights) value = longest / (value + kEpsilon);
  return weighted_rows(y, weights);
}

void DbMtl::visit_state(StateFields& fields) {
  fields("steps", steps_);
  running_.visit_state(fields, "running");
}

}  // namespace taskgrad
