#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/rng.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {

GradVac::GradVac(int tasks, GradVacOptions options) : options_(options), targets_(tasks, tasks) {
  if (tasks < 1) fail<ConfigError>("GradVac: at least one task: {}", tasks);
  if (!(options.beta >= 0 && options.beta <= 1)) {
    fail<ConfigError>("GradVac: beta lies in [0, 1]: {}", options.beta);
  }
}

Vec GradVac::gramian_weights(const Matrix& gramian, const Present& present) {
  const int tasks = present.count();
  const Rng orders = Rng(options_.seed).stream(static_cast<std::uint64_t>(steps_++));
  Vec total(tasks);
  for (int i = 0; i < tasks; ++i) {
    Vec a(tasks);  // g_i' = J'a
    a[i] = 1;
    for (const std::int64_t other : orders.stream(std::uint64_t(i)).permutation(tasks)) {
      const int j = static_cast<int>(other);
      const Vec products = gramian * a;
      const double norm = std::sqrt(std::max(dot(a, products), 0.0));  // |g_i'|
      const double norm_j = std::sqrt(gramian(j, j));
      if (j == i || !(norm > 0) || !(norm_j > 0)) continue;
      const double phi = std::clamp(products[j] / (norm * norm_j), -1.0, 1.0);
      double& target = targets_(present.tasks[std::size_t(i)], present.tasks[std::size_t(j)]);
      const double sine = std::sqrt(1 - phi * phi);
      const double target_sine = std::sqrt(1 - target * target);
      if (phi < target && target_sine > 0) {
        a[j] += norm * (target * sine - phi * target_sine) / (norm_j * target_sine);
      }
      target = (1 - options_.beta) * target + options_.beta * phi;
    }
    total = total + a;
  }
  return total;
}

void GradVac::visit_state(StateFields& fields) {
  fields("targets", targets_);
  fields("steps", steps_);
}

}  // namespace taskgrad
