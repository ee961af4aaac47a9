#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

void check(const char* where, int tasks, const ImtlOptions& options) {
  if (tasks < 1) fail<ConfigError>("{}: at least one task: {}", where, tasks);
  if (!(options.weight_lr >= 0) || !std::isfinite(options.weight_lr)) {
    fail<ConfigError>("{}: weight_lr is finite and not negative: {}", where, options.weight_lr);
  }
}

}  // namespace

ImtlL::ImtlL(int tasks, ImtlOptions options)
    : options_(options), s_(tasks), adam_(tasks, options.weight_lr) {
  check("ImtlL", tasks, options);
}

Var ImtlL::objective(const Step& step, std::span<const Var> own) {
  check_tasks(step, s_.size());
  Var total;
  for (const int task : step.present().tasks) {
    const Var& s = own[static_cast<std::size_t>(task)];
    const Var term = exp(s) * step.loss(task) - s;
    total = total.defined() ? total + term : term;
  }
  return total;
}

void ImtlL::update_own(const Vec& gradients, const Present& present) {
  adam_.step(s_, gradients, present.tasks);
}

void ImtlL::visit_state(StateFields& fields) {
  fields("s", s_);
  fields("adam.", adam_);
}

Vec ImtlG::gramian_weights(const Matrix& gramian, const Present& present) {
  constexpr double kSolved = 1e-3;
  constexpr double kSingular = 1e-9;
  const int tasks = present.count();
  Vec inverse(tasks);  // 1/|g_i|, 0 for a zero gradient
  Vec ones(tasks);
  for (int i = 0; i < tasks; ++i) {
    if (!(gramian(i, i) > 0)) continue;
    inverse[i] = 1 / std::sqrt(gramian(i, i));
    ones[i] = 1;
  }
  if (sum(ones) == 0) return Vec(tasks, 1.0 / tasks);

  // With unit rows u_i = g_i / |g_i| and C = U U': C x = 1 and a_i = x_i / |g_i|.
  Matrix unit = gramian;
  for (int i = 0; i < tasks; ++i) {
    for (int j = 0; j < tasks; ++j) unit(i, j) *= inverse[i] * inverse[j];
  }
  const Vec x = solvers::pseudo_inverse_times(unit, ones);
  Vec a = x * inverse;
  double size = 0;
  double error = 0;  // of C x = 1
  for (int i = 0; i < tasks; ++i) {
    size += std::abs(a[i]);
    error = std::max(error, std::abs((unit * x)[i] - ones[i]));
  }
  if (error > kSolved || !(std::abs(sum(a)) > kSingular * size)) a = inverse;
  return a /= sum(a);
}

Imtl::Imtl(int tasks, ImtlOptions options)
    : options_(options), s_(tasks), adam_(tasks, options.weight_lr) {
  check("Imtl", tasks, options);
}

Gradients Imtl::backward(Step& step) {
  check_tasks(step, s_.size());
  const Present& present = step.present();
  const Vec scales = exp(s_);
  Matrix scaled = step.gramian();
  for (int i = 0; i < step.tasks(); ++i) {
    for (int j = 0; j < step.tasks(); ++j) scaled(i, j) *= scales[i] * scales[j];
  }
  Vec shared(step.tasks());
  scatter(shared, present.tasks, ImtlG().gramian_weights(gather(scaled, present.tasks), present));
  Gradients update = step.combine(shared * scales, scales);

  Vec gradients(step.tasks());  // of e^s L - s in s
  for (const int task : present.tasks) gradients[task] = scales[task] * step.values()[task] - 1;
  adam_.step(s_, gradients, present.tasks);
  return update;
}

void Imtl::visit_state(StateFields& fields) {
  fields("s", s_);
  fields("adam.", adam_);
}

}  // namespace taskgrad
