#include <taskgrad/balancers/forum.h>
#include <taskgrad/balancers/look_ahead.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

// One step of the given length down a gradient.
Point descended(const Point& point, const Gradients& gradient, double length) {
  const double norm = std::sqrt(dot(gradient, gradient));
  return moved(point, gradient, norm > 0 ? length / norm : 0.0);
}

}  // namespace

Forum::Forum(int tasks, ForumOptions options)
    : options_(options), weights_(tasks, 1.0), shares_(tasks, 1.0 / tasks) {
  if (tasks < 1) fail<ConfigError>("Forum: at least one task: {}", tasks);
  for (const double value : {options.weight_lr, options.look_ahead, options.rho}) {
    if (value >= 0 && std::isfinite(value)) continue;
    fail<ConfigError>("Forum: rates and rho are finite and not negative: {}", value);
  }
  if (options.steps < 1 || !(options.newest > 0 && options.newest <= 1)) {
    fail<ConfigError>("Forum: steps are at least 1 and newest lies in (0, 1]: {}, {}",
                      options.steps, options.newest);
  }
}

// The constraint sum l = 1 by its multiplier: for each one a problem over (l, v) >= 0, in which a
// term t (sum l - 1)^2 / 2, zero at the solution, keeps the minimum finite. sum l grows with it.
Vec Forum::solve(const Matrix& gramian, double level) {
  const int tasks = gramian.rows() - 1;
  const double size = trace(gramian);
  if (size == 0) return Vec(tasks + 1, 1.0 / tasks);
  Matrix q = gramian;
  for (int i = 0; i < tasks; ++i) {
    for (int j = 0; j < tasks; ++j) q(i, j) += size;
  }
  Vec x;
  const auto excess = [&](double multiplier) {
    Vec c(tasks + 1, size + multiplier);
    c[tasks] = gramian(tasks, tasks) > 0 ? level : 0.0;
    x = solvers::nonnegative_qp(q, c);
    return sum(x) - x[tasks] - 1;
  };
  double low = -size;
  double high = size;
  while (excess(low) > 0) low *= 2;
  while (excess(high) < 0) high *= 2;
  constexpr int kBisections = 100;
  for (int i = 0; i < kBisections && high - low > 1e-15 * size; ++i) {
    const double middle = 0.5 * (low + high);
    (excess(middle) < 0 ? low : high) = middle;
  }
  excess(high);
  return x;
}

Gradients Forum::backward(Step& step) {
  check_tasks(step, weights_.size());
  const Gradients lower = step.of(step.weighted(weights_));  // grad f
  Step validation = step.batch(1);

  Point ahead = descended(current_point(step), lower, options_.look_ahead);
  for (int t = 1; t < options_.steps; ++t) {
    Step at = step_at(step, ahead, 0);
    ahead = descended(ahead, at.of(at.weighted(weights_)), options_.look_ahead);
    step.count_backward(at.backward_passes());
  }
  const Step end = step_at(step, ahead, 0);

  List<int> tasks;
  List<Gradients> upper;
  for (const int task : step.present().tasks) {
    if (!validation.is_present(task)) continue;
    tasks.push_back(task);
    upper.push_back(gradient_of(validation, task));
  }
  step.count_backward(validation.backward_passes());
  if (tasks.empty()) return lower;

  const int count = static_cast<int>(tasks.size());
  Vec constraint(count);  // dq/da
  for (int i = 0; i < count; ++i) {
    const int task = tasks[static_cast<std::size_t>(i)];
    constraint[i] = step.values()[task] - end.values()[task];
  }
  Matrix gramian(count + 1, count + 1);
  for (int i = 0; i <= count; ++i) {
    for (int j = 0; j <= i; ++j) {
      const Gradients& x = i < count ? upper[static_cast<std::size_t>(i)] : lower;
      const Gradients& y = j < count ? upper[static_cast<std::size_t>(j)] : lower;
      gramian(i, j) = gramian(j, i) = dot(x, y);
    }
  }
  const double square = gramian(count, count) += dot(constraint, constraint);  // |grad q|^2
  if (!std::isfinite(trace(gramian))) fail<NumericError>("forum: gradients must be finite");

  const Vec found = solve(gramian, options_.rho * square);
  Vec l = gather(shares_, tasks);
  const double left = sum(l);
  for (int i = 0; i < count; ++i) l[i] += options_.newest * (left * found[i] - l[i]);
  double v = options_.rho * left;
  for (int i = 0; i < count && square > 0; ++i) v -= l[i] * gramian(count, i) / square;
  v = std::max(v, 0.0);

  Gradients update;
  for (std::size_t k = 0; k < lower.size(); ++k) {
    Tensor total = kernels::scale(lower[k].value, v);
    for (int i = 0; i < count; ++i) {
      total = kernels::add_into(std::move(total),
                                kernels::scale(upper[static_cast<std::size_t>(i)][k].value, l[i]));
    }
    update.push_back({lower[k].parameter, std::move(total)});
  }
  scatter(shares_, tasks, l);
  const Vec a = gather(weights_, tasks);
  scatter(weights_, tasks,
          solvers::project_simplex(a - options_.weight_lr * v * constraint, sum(a)));
  return update;
}

void Forum::visit_state(StateFields& fields) {
  fields("weights", weights_);
  fields("shares", shares_);
}

}  // namespace taskgrad
