#include <taskgrad/autograd/var.h>
#include <taskgrad/core/error.h>
#include <taskgrad/toy/comparison.h>
#include <taskgrad/toy/table.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace taskgrad::toy {
namespace {

constexpr std::int64_t kObserveEvery = 10;

// Sums over observed steps.
struct Conflicts {
  Matrix cosines;
  double negative = 0;
  double pairs = 0;
  double ratios = 0;
  double observed = 0;

  void observe(const Matrix& m) {
    const int tasks = m.rows();
    if (cosines.rows() == 0) cosines = Matrix(tasks, tasks);
    double longest = 0;
    double shortest = std::numeric_limits<double>::infinity();
    for (int i = 0; i < tasks; ++i) {
      longest = std::max(longest, std::sqrt(m(i, i)));
      shortest = std::min(shortest, std::sqrt(m(i, i)));
      for (int j = 0; j < tasks; ++j) {
        const double norms = std::sqrt(m(i, i)) * std::sqrt(m(j, j));
        cosines(i, j) += norms > 0 ? m(i, j) / norms : 0.0;
        if (j < i) {
          negative += m(i, j) < 0 ? 1 : 0;
          ++pairs;
        }
      }
    }
    ratios += shortest > 0 ? longest / shortest : 1.0;
    ++observed;
  }
};

std::int64_t bytes_of(const StateDict& state) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : state.tensors) {
    bytes += tensor.size() * static_cast<std::int64_t>(sizeof(double));
  }
  return bytes;
}

Step make_step(const Subject& subject, const nn::MultiTask& model, std::int64_t t) {
  return Step(subject.losses(model, t, 0), model,
              {.batches = [&subject, &model, t](int k) { return subject.losses(model, t, k); }});
}

void train(Balancer& method, const Subject& subject, std::int64_t steps, Comparison& result) {
  using Clock = std::chrono::steady_clock;
  const nn::MultiTask model = subject.model();
  const std::unique_ptr<nn::Optimizer> optimizer = subject.optimizer(model);
  Conflicts conflicts;
  for (std::int64_t t = 0; t < steps; ++t) {
    if (subject.watch) subject.watch(model);
    if (t % kObserveEvery == 0) {
      Step observed = make_step(subject, model, t);
      conflicts.observe(observed.gramian());
    }
    Step step = make_step(subject, model, t);
    const auto start = Clock::now();
    const Gradients update = method.backward(step);
    result.milliseconds += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    result.passes += step.backward_passes();
    optimizer->step(update);
    if (method.wants_after_step()) {
      const NoGrad off;
      std::vector<double> after;
      for (const Var& loss : subject.losses(model, t, 0)) {
        after.push_back(loss.defined() ? loss.item() : std::nan(""));
      }
      method.after_step(after);
    }
    if ((t + 1) % subject.epoch_steps == 0) method.end_epoch();
  }
  if (subject.watch) subject.watch(model);
  const auto count = static_cast<double>(steps);
  result.milliseconds /= count;
  result.passes /= count;
  result.state = bytes_of(method.state());
  result.cosines = conflicts.cosines;
  for (int i = 0; i < result.cosines.rows(); ++i) {
    for (int j = 0; j < result.cosines.rows(); ++j) result.cosines(i, j) /= conflicts.observed;
  }
  result.conflicting = conflicts.pairs > 0 ? conflicts.negative / conflicts.pairs : 0.0;
  result.norm_ratio = conflicts.ratios / conflicts.observed;
  result.metric = subject.metric(model);
}

}  // namespace

Comparison compare(const std::string& name, const BalancerOptions& options, const Subject& subject,
                   std::int64_t steps) {
  if (steps < 1) throw ConfigError(fmt::format("compare: at least one step: {}", steps));
  Comparison result{.name = name};
  const auto method = make_balancer(name, subject.model().tasks(), options);
  try {
    train(*method, subject, steps, result);
  } catch (const NumericError& error) {
    result.error = error.what();
    result.metric = std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

std::string comparison_table(std::span<const Comparison> results) {
  std::vector<Row> rows{{"method", "", "metric", "passes", "ms/step", "state B", "conflicts",
                         "mean cos", "norm ratio"}};
  std::string errors;
  for (const Comparison& result : results) {
    if (!result.error.empty()) {
      rows.push_back({result.name, "", "stopped"});
      errors += fmt::format("{}\n", result.error);
      continue;
    }
    double cosine = 0;
    const int tasks = result.cosines.rows();
    for (int i = 0; i < tasks; ++i) {
      for (int j = 0; j < i; ++j) cosine += result.cosines(i, j);
    }
    if (tasks > 1) cosine /= 0.5 * tasks * (tasks - 1);
    rows.push_back({result.name, "", fmt::format("{:.4f}", result.metric),
                    fmt::format("{:g}", result.passes), fmt::format("{:.3f}", result.milliseconds),
                    fmt::format("{}", result.state),
                    fmt::format("{:.0f}%", 100 * result.conflicting),
                    fmt::format("{:+.3f}", cosine), fmt::format("{:.3g}", result.norm_ratio)});
  }
  std::string text;
  for (const std::string& line : align(rows)) text += line + '\n';
  return text + errors;
}

}  // namespace taskgrad::toy
