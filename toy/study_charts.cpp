#include <taskgrad/toy/statistics.h>
#include <taskgrad/toy/studies.h>
#include <taskgrad/toy/study_charts.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {
namespace {

/// Adds mean and range of some numbers at x; nothing for none.
void add_point(Series& series, double x, const std::vector<double>& values) {
  if (values.empty()) return;
  series.x.push_back(x);
  series.y.push_back(mean(values));
  series.low.push_back(*std::min_element(values.begin(), values.end()));
  series.high.push_back(*std::max_element(values.begin(), values.end()));
}

/// A band of no width, as over a single seed, would be in the legend alone.
Series with_visible_band(Series series) {
  if (series.low == series.high) series.low = series.high = {};
  return series;
}

template <class Quantity>
std::vector<double> of_runs(std::span<const RunResult> results, std::string_view name,
                            const Quantity& quantity) {
  std::vector<double> values;
  for (const RunResult& run : results) {
    if (run.name() == name && run.error.empty() && !run.history.empty()) {
      values.push_back(quantity(run));
    }
  }
  return values;
}

double metric_at_end(const RunResult& run) { return run.metric; }
double noisy_metric(const RunResult& run) { return run.noisy_metric; }
double input_slope(const RunResult& run) { return run.input_slope; }

/// Adds a quantity over the penalty to a chart, and the level that it has without one.
void add_penalties(Chart& chart, std::span<const RunResult> results,
                   const std::vector<double>& penalties, const std::string& label, int style,
                   double (*quantity)(const RunResult&)) {
  const std::vector<double> without = of_runs(results, penalty_label(0), quantity);
  Series curve{.label = label, .style = style};
  Series level{.label = label + ", no penalty", .mark = Mark::reference, .style = style};
  for (const double penalty : penalties) {
    add_point(curve, penalty, of_runs(results, penalty_label(penalty), quantity));
    if (penalty != 0) add_point(level, penalty, without);
  }
  level.low = level.high = {};
  chart.series.push_back(with_visible_band(std::move(curve)));
  if (!level.x.empty()) chart.series.push_back(std::move(level));
}

}  // namespace

std::string alpha_label(double alpha) { return fmt::format("alpha {:g}", alpha); }

std::vector<Figure> grid_figures(std::span<const RunResult> results) {
  const GridPoints points = grid_points(results);
  if (points.distances.empty()) return {};
  Chart chart{.x = {"distance ||w - E[w]|| of the weights"}, .y = {"test metric at the end"}};
  chart.series.push_back({.label = "static weights, drawn at random",
                          .x = points.distances,
                          .y = points.metrics,
                          .mark = Mark::dots,
                          .style = 0});
  const double farthest = *std::max_element(points.distances.begin(), points.distances.end());
  int style = 1;
  for (const char* name : {"equal", "gradnorm", "static E[w]"}) {
    const std::vector<double> metrics = of_runs(results, name, metric_at_end);
    if (metrics.empty()) continue;
    chart.series.push_back({.label = name,
                            .x = {0, farthest},
                            .y = {mean(metrics), mean(metrics)},
                            .mark = Mark::line,
                            .style = style++});
  }
  return {{.name = "grid",
           .title = "Static weights against the average of GradNorm",
           .description = fmt::format(
               "Each dot is a training from the same start with weights that do not move, drawn at "
               "random with sum T; to the left those that are like GradNorm's average. The lines "
               "are the metric of other methods. {} dots, {} of them below GradNorm.",
               points.distances.size(), points.below_gradnorm),
           .content = std::move(chart)}};
}

std::vector<Figure> alpha_figures(std::span<const RunResult> results,
                                  std::span<const double> alphas) {
  if (results.empty() || alphas.empty()) return {};
  Chart metric{.x = {"alpha"}, .y = {"test metric at the end"}};
  Chart weights{.x = {"alpha"}, .y = {"final task weight w", /*log=*/true}};
  std::vector<double> sorted(alphas.begin(), alphas.end());
  std::sort(sorted.begin(), sorted.end());

  Series curve{.label = "gradnorm"};
  const std::vector<double> equal = of_runs(results, "equal", metric_at_end);
  Series level{.label = "equal weights", .mark = Mark::line, .style = 1};
  for (const double alpha : sorted) {
    add_point(curve, alpha, of_runs(results, alpha_label(alpha), metric_at_end));
    add_point(level, alpha, equal);
  }
  metric.series = {with_visible_band(curve), with_visible_band(level)};

  const std::vector<double>& sigmas = results.front().sigmas;
  for (std::size_t task = 0; task < sigmas.size(); ++task) {
    Series series{.label = fmt::format("σ = {:.4g}", sigmas[task]), .style = int(task)};
    for (const double alpha : sorted) {
      add_point(series, alpha, of_runs(results, alpha_label(alpha), [&](const RunResult& run) {
                  return run.weights[task];
                }));
    }
    weights.series.push_back(with_visible_band(std::move(series)));
  }
  return {{.name = "alpha-metric",
           .title = "The metric of GradNorm over alpha",
           .description = "Mean and range over the seeds, beside equal weights from the same "
                          "start; lower is better.",
           .content = std::move(metric)},
          {.name = "alpha-weights",
           .title = "Final weights over alpha",
           .description = "The weight of the task of each scale σ at the end; mean and range over "
                          "the seeds.",
           .content = std::move(weights)}};
}

std::string penalty_label(double penalty) { return fmt::format("penalty {:g}", penalty); }

std::vector<Figure> penalty_figures(std::span<const RunResult> results,
                                    std::span<const double> penalties) {
  std::vector<double> sorted(penalties.begin(), penalties.end());
  std::sort(sorted.begin(), sorted.end());
  const bool log = !sorted.empty() && sorted.front() >= 0;  // which leaves out the 0
  const Axis x{log ? "penalty λ (log scale)" : "penalty λ", log};
  Chart metric{.x = x, .y = {"test metric at the end"}};
  add_penalties(metric, results, sorted, "test inputs", 0, metric_at_end);
  add_penalties(metric, results, sorted, "with noise", 1, noisy_metric);
  Chart slope{.x = x, .y = {"√n ‖dL/dx‖ / L(0), mean over tasks"}};
  add_penalties(slope, results, sorted, "input slope", 0, input_slope);
  if (metric.series[0].x.empty()) return {};
  return {{.name = "penalty-metric",
           .title = "Test metric over the input-gradient penalty",
           .description = fmt::format(
               "At the end of training: on the test inputs, and with noise N(0, {}²) added to "
               "them; lower is better. Lines: mean and range over the seeds; dotted: the mean "
               "without a penalty, from the same start.",
               kInputNoise),
           .content = std::move(metric)},
          {.name = "penalty-slope",
           .title = "Input slope over the input-gradient penalty",
           .description = "How steep the losses are in the inputs at the end, on the test set; "
                          "the quantity that the penalty holds down. Mean and range over the "
                          "seeds; dotted: the mean without a penalty.",
           .content = std::move(slope)}};
}

}  // namespace taskgrad::toy
