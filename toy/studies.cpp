#include <taskgrad/core/fail.h>
#include <taskgrad/toy/concordance.h>
#include <taskgrad/toy/statistics.h>
#include <taskgrad/toy/studies.h>
#include <taskgrad/toy/study_charts.h>
#include <taskgrad/toy/table.h>
#include <taskgrad/toy/variants.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {
namespace {

constexpr std::string_view kGridLabel = "grid";
constexpr std::string_view kStaticLabel = "static E[w]";

RunOptions with_balancer(RunOptions run, std::string balancer) {
  run.balancer = std::move(balancer);
  return run;
}

RunOptions with_weights(RunOptions run, std::vector<double> weights, std::string_view label) {
  run.balancer = "static";
  run.weights = std::move(weights);
  run.label = label;
  return run;
}

/// Runs of each base in turn, by method first and seed last, as reports show them.
std::vector<RunOptions> each_base(std::span<const RunOptions> bases,
                                  std::span<const std::function<RunOptions(RunOptions)>> forms) {
  std::vector<RunOptions> runs;
  for (const auto& form : forms) {
    for (const RunOptions& base : bases) runs.push_back(form(base));
  }
  return runs;
}

/// E_t[w] of the GradNorm run that belongs to a base; empty when that broke off.
std::vector<double> average_weights(Results results, const RunOptions& base) {
  const RunResult* run = gradnorm_of(results, base.problem.sigmas, base.seed);
  return run == nullptr ? std::vector<double>() : run->mean_weights;
}

/// Uniform in (0, 1) and then scaled to sum T, as the paper draws them.
std::vector<double> random_weights(std::uint64_t seed, int point, int tasks) {
  const Rng rng = Rng(seed).stream("grid").stream(static_cast<std::uint64_t>(point));
  return normalised(rng.uniform({tasks}, 0, 1, DType::f64).values());
}

double distance(std::span<const double> a, std::span<const double> b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

std::string line_of(std::string_view what, const GridPoints& points, const Statistic& statistic) {
  const Interval interval = bootstrap(points.distances, points.metrics, statistic);
  return fmt::format(
      "{} correlation of metric and distance: {:+.3f}, 95 % interval {:+.3f} .. {:+.3f}\n", what,
      statistic(points.distances, points.metrics), interval.low, interval.high);
}

std::string grid_findings(Results results) {
  const GridPoints points = grid_points(results);
  if (points.distances.size() < 2) return "";
  std::string text =
      fmt::format("{} static weight vectors by their L2 distance to E_t[w] of GradNorm:\n",
                  points.distances.size());
  text += line_of("rank", points, spearman) + line_of("linear", points, pearson);
  if (points.diverged > 0) text += fmt::format("{} diverged\n", points.diverged);
  return text + fmt::format("{} of them below GradNorm's metric\n", points.below_gradnorm);
}

std::string penalty_findings(Results results) {
  std::vector<Row> rows = {{"run", "seed", "metric", "with noise", "input slope"}};
  for (const RunResult& run : results) {
    if (!run.error.empty()) continue;
    rows.push_back({run.name(), fmt::format("{}", run.seed), fmt::format("{:#.4g}", run.metric),
                    fmt::format("{:#.4g}", run.noisy_metric),
                    fmt::format("{:#.4g}", run.input_slope)});
  }
  std::string text;
  for (const std::string& line : align(rows)) text += line + '\n';
  return text +
         fmt::format(
             "with noise: the metric at test inputs moved by N(0, {}^2)\n"
             "input slope: mean over tasks of sqrt(n) || dL_i/dx || / L_i(0) on the test set\n",
             kInputNoise);
}

}  // namespace

Plan static_study(const StudyRange& range) {
  const auto bases = range.bases;
  return {.runs = each_base(bases, {{[](RunOptions run) { return with_balancer(run, "equal"); },
                                     [](RunOptions run) { return run; }}}),
          .further = [bases](Results results) {
            std::vector<RunOptions> runs;
            for (const RunOptions& base : bases) {
              const std::vector<double> weights = average_weights(results, base);
              if (!weights.empty()) runs.push_back(with_weights(base, weights, kStaticLabel));
            }
            return runs;
          }};
}

Plan grid_search(const StudyRange& range) {
  Plan plan = static_study(range);
  plan.further = [range, averages = plan.further](Results results) {
    std::vector<RunOptions> runs = averages(results);
    for (const RunOptions& base : range.bases) {
      for (int point = 0; point < range.points; ++point) {
        runs.push_back(
            with_weights(base, random_weights(base.seed, point, base.tasks()), kGridLabel));
      }
    }
    return runs;
  };
  plan.findings = grid_findings;
  plan.figures = grid_figures;
  return plan;
}

Plan alpha_sweep(const StudyRange& range) {
  std::vector<std::function<RunOptions(RunOptions)>> forms = {
      [](RunOptions run) { return with_balancer(run, "equal"); }};
  for (const double alpha : range.alphas) {
    forms.push_back([alpha](RunOptions run) {
      run.alpha = alpha;
      run.label = alpha_label(alpha);
      return run;
    });
  }
  return {.runs = each_base(range.bases, forms),
          .figures = [alphas = range.alphas](Results results) {
            return alpha_figures(results, alphas);
          }};
}

Plan compare(const StudyRange& range) {
  std::vector<std::function<RunOptions(RunOptions)>> forms;
  for (const std::string& name : range.balancers) {
    forms.push_back([name](RunOptions run) { return with_balancer(std::move(run), name); });
  }
  return {.runs = each_base(range.bases, forms)};
}

Plan concordance(const StudyRange& range) {
  StudyRange all = range;
  all.balancers = {"equal", "gradnorm"};
  for (const Departure& departure : departures()) all.balancers.emplace_back(departure.name);
  Plan plan = compare(all);
  plan.findings = concordance_findings;
  plan.figures = concordance_figures;
  return plan;
}

Plan double_backprop(const StudyRange& range) {
  std::vector<std::function<RunOptions(RunOptions)>> forms;
  for (const double penalty : range.penalties) {
    forms.push_back([penalty](RunOptions run) {
      run.input_penalty = penalty;
      run.label = penalty_label(penalty);
      return run;
    });
  }
  return {.runs = each_base(range.bases, forms),
          .findings = penalty_findings,
          .figures = [penalties = range.penalties](Results results) {
            return penalty_figures(results, penalties);
          }};
}

const RunResult* gradnorm_of(Results results, const std::vector<double>& sigmas,
                             std::uint64_t seed) {
  const auto found = std::find_if(results.begin(), results.end(), [&](const RunResult& run) {
    return run.name() == "gradnorm" && run.sigmas == sigmas && run.seed == seed;
  });
  return found == results.end() || !found->error.empty() ? nullptr : &*found;
}

GridPoints grid_points(Results results) {
  GridPoints points;
  for (const RunResult& run : results) {
    const RunResult* gradnorm = gradnorm_of(results, run.sigmas, run.seed);
    if (run.name() != kGridLabel || gradnorm == nullptr) continue;
    if (!run.error.empty()) {
      ++points.diverged;
      continue;
    }
    points.distances.push_back(distance(run.mean_weights, gradnorm->mean_weights));
    points.metrics.push_back(run.metric);
    points.below_gradnorm += run.metric < gradnorm->metric;
  }
  return points;
}

}  // namespace taskgrad::toy
