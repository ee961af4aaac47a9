#include <taskgrad/balancers/moco.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

MoCo::MoCo(int tasks, MoCoOptions options)
    : options_(options), weights_(tasks, 1.0 / tasks), tracked_(tasks) {
  if (tasks < 1) fail<ConfigError>("MoCo: at least one task: {}", tasks);
  if (!(options.tracking_rate > 0 && options.tracking_rate <= 1)) {
    fail<ConfigError>("MoCo: tracking_rate lies in (0, 1]: {}", options.tracking_rate);
  }
  for (const double value : {options.weight_rate, options.rho}) {
    if (value >= 0 && std::isfinite(value)) continue;
    fail<ConfigError>("MoCo: weight_rate and rho are finite and not negative: {}", value);
  }
}

Tensor MoCo::direction(const Tensor& rows, const Present& present) {
  const double root = std::sqrt(static_cast<double>(++steps_));
  const Tensor y =
      mix(tracked_.of(present.tasks, rows.shape()[1]), rows, options_.tracking_rate / root);
  tracked_.set(present.tasks, y);

  const Vec l = gather(weights_, present.tasks);
  const Vec slope = products(y, y) * l + options_.rho * l;
  const Vec moved = solvers::project_simplex(l - (options_.weight_rate / root) * slope, sum(l));
  scatter(weights_, present.tasks, moved);
  return weighted_rows(y, moved);
}

void MoCo::visit_state(StateFields& fields) {
  fields("weights", weights_);
  fields("steps", steps_);
  tracked_.visit_state(fields, "tracked");
}

}  // namespace taskgrad
