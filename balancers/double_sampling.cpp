#include <taskgrad/balancers/double_sampling.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

void check(const char* where, double value) {
  if (value >= 0 && std::isfinite(value)) return;
  fail<ConfigError>("{}: options are finite and not negative: {}", where, value);
}

// The tasks that all batches have, and the product of their gradients on two further batches.
struct Sampled {
  List<int> tasks;
  Matrix product;
};

Tensor rows_at(const Tensor& rows, const Present& present, std::span<const int> tasks) {
  RunningRows all(present.tasks.back() + 1);
  all.set(present.tasks, rows);
  return all.of(tasks, rows.shape()[1]);
}

Sampled sample(Step& step, std::string_view method) {
  Step first = step.batch(1);
  Step second = step.batch(2);
  Sampled result;
  for (const int task : step.present().tasks) {
    if (first.is_present(task) && second.is_present(task)) result.tasks.push_back(task);
  }
  if (!result.tasks.empty()) {
    const Tensor x = rows_at(first.rows(), first.present(), result.tasks);
    const Tensor y = rows_at(second.rows(), second.present(), result.tasks);
    result.product = products(x, y);
    if (!kernels::all_finite(to_tensor(result.product))) {
      fail<NumericError>("{}: gradients of the tasks must be finite", method);
    }
  }
  step.count_backward(first.backward_passes() + second.backward_passes());
  return result;
}

}  // namespace

MoDo::MoDo(int tasks, MoDoOptions options) : options_(options), weights_(tasks, 1.0 / tasks) {
  if (tasks < 1) fail<ConfigError>("MoDo: at least one task: {}", tasks);
  check("MoDo", options.weight_rate);
  check("MoDo", options.rho);
}

Gradients MoDo::backward(Step& step) {
  check_tasks(step, weights_.size());
  const Sampled sampled = sample(step, name());
  Vec moved = weights_;
  if (!sampled.tasks.empty()) {
    const Vec l = gather(weights_, sampled.tasks);
    const Vec slope = sampled.product * l + options_.rho * l;
    scatter(moved, sampled.tasks,
            solvers::project_simplex(l - options_.weight_rate * slope, sum(l)));
  }
  Gradients update = step.combine(moved, Vec(step.tasks(), 1.0));
  weights_ = std::move(moved);
  return update;
}

SdmGrad::SdmGrad(SdmGradOptions options) : options_(options) {
  for (const double value : {options.lambda, options.rate, double(options.iterations)}) {
    check("SdmGrad", value);
  }
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail<ConfigError>("SdmGrad: momentum lies in [0, 1): {}", options.momentum);
  }
}

Vec SdmGrad::solve(const Matrix& product) const {
  const int tasks = product.rows();
  double scale = 0;
  for (int i = 0; i < tasks; ++i) scale += std::sqrt(std::max(product(i, i), 0.0)) / tasks;
  Vec w(tasks, 1.0 / tasks);
  if (!(scale > 0)) return w;
  const Vec toward_mean = product * Vec(tasks, 1.0 / tasks);
  Vec velocity(tasks);
  for (int t = 0; t < options_.iterations; ++t) {
    const Vec slope = (1 / (scale * scale)) * (product * w + options_.lambda * toward_mean);
    velocity = options_.momentum * velocity + slope;
    w = solvers::project_simplex(w - options_.rate * velocity);
  }
  return w;
}

Gradients SdmGrad::backward(Step& step) {
  const Sampled sampled = sample(step, name());
  const List<int>& tasks = step.present().tasks;
  Vec shared(step.tasks());
  if (!sampled.tasks.empty()) scatter(shared, sampled.tasks, solve(sampled.product));
  for (const int task : tasks) {
    shared[task] =
        (shared[task] + options_.lambda / step.present().count()) / (1 + options_.lambda);
  }
  return step.combine(shared, Vec(step.tasks(), 1.0));
}

}  // namespace taskgrad
