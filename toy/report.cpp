#include <taskgrad/toy/panels.h>
#include <taskgrad/toy/report.h>
#include <taskgrad/toy/table.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taskgrad::toy {
namespace {

/// The method with the lowest mean of those of which no run diverged; null if it is the only one.
const Method* best_of(const Panel& panel) {
  const Method* best = nullptr;
  for (const Method& method : panel.methods) {
    const MetricSummary metric = metric_of(method);
    if (metric.runs != static_cast<int>(method.runs.size())) continue;
    if (best == nullptr || metric.mean < metric_of(*best).mean) best = &method;
  }
  return panel.methods.size() > 1 ? best : nullptr;
}

/// The mean final weight of each task over the runs that did not diverge.
std::vector<double> mean_weights(const Method& method) {
  std::vector<double> mean;
  const int count = metric_of(method).runs;
  for (const RunResult* run : method.runs) {
    if (!std::isfinite(run->metric)) continue;
    mean.resize(run->weights.size());
    for (std::size_t task = 0; task < mean.size(); ++task) mean[task] += run->weights[task] / count;
  }
  return mean;
}

/// The columns that describe a method; its weights follow.
Row method_row(const Method& method, bool best) {
  const MetricSummary metric = metric_of(method);
  const int diverged = static_cast<int>(method.runs.size()) - metric.runs;
  std::string range =
      metric.runs > 1 ? fmt::format("{:#.4g} .. {:#.4g}", metric.low, metric.high) : "";
  if (diverged > 0) range += fmt::format("{}{} diverged", range.empty() ? "" : ", ", diverged);
  return {best ? "*" : "",
          method.name,
          fmt::format("{}", method.runs[0]->tasks),
          fmt::format("{}", method.runs.size()),
          metric.runs > 0 ? fmt::format("{:#.4g}", metric.mean) : "-",
          range};
}

Row weight_cells(const Method& method) {
  Row cells;
  for (const double weight : mean_weights(method)) cells.push_back(fmt::format("{:.3g}", weight));
  return cells;
}

/// Tables of a panel that are at most `columns` wide, if that can be.
std::vector<std::vector<std::string>> panel_tables(const Panel& panel, const Method* best,
                                                   int columns) {
  std::vector<Row> rows = {{" ", "method", "tasks", "seeds", "metric", "range"}};
  std::vector<Row> names = {{" ", "method"}};
  std::vector<Row> weights(1);
  for (const double sigma : panel.sigmas) weights[0].push_back(fmt::format("w({:.4g})", sigma));
  for (const Method& method : panel.methods) {
    rows.push_back(method_row(method, &method == best));
    names.push_back({"", method.name});
    weights.push_back(weight_cells(method));
  }

  std::vector<std::string> one = align(with_cells(rows, weights, 0, panel.sigmas.size()));
  const auto limit = static_cast<std::size_t>(columns);
  if (columns == 0 || longest(one) <= limit) return {one};

  const std::size_t tasks = panel.sigmas.size();
  for (std::size_t parts = 1;; ++parts) {
    const std::size_t size = (tasks + parts - 1) / parts;
    std::vector<std::vector<std::string>> tables = {align(rows)};
    bool fits = true;
    for (std::size_t begin = 0; begin < tasks; begin += size) {
      tables.push_back(align(with_cells(names, weights, begin, begin + size)));
      fits = fits && longest(tables.back()) <= limit;
    }
    if (fits || size == 1) return tables;
  }
}

using Quantity = double (*)(const Evaluation&, std::size_t);

/// The mean over the runs of a method, as far as all of them got.
Curve mean_curve(const Method& method, std::string label, Quantity quantity, std::size_t index) {
  Curve curve{.label = std::move(label), .points = {}};
  std::size_t length = method.runs[0]->history.size();
  for (const RunResult* run : method.runs) length = std::min(length, run->history.size());
  for (std::size_t i = 0; i < length; ++i) {
    const std::int64_t step = method.runs[0]->history[i].step;
    double sum = 0;
    for (const RunResult* run : method.runs) {
      if (run->history[i].step != step) return curve;  // one was stopped between evaluations
      sum += quantity(run->history[i], index);
    }
    curve.points.emplace_back(static_cast<double>(step),
                              sum / static_cast<double>(method.runs.size()));
  }
  return curve;
}

}  // namespace

std::string summary_table(std::span<const RunResult> results, Style style, int columns) {
  const bool complete = std::all_of(results.begin(), results.end(), [](const RunResult& run) {
    return began(run) && !run.interrupted;
  });
  std::string text;
  bool marked = false;
  for (const Panel& panel : panels_of(results)) {
    const Method* best = complete ? best_of(panel) : nullptr;
    marked = marked || best != nullptr;
    const std::string title = title_of(panel);
    text += (style == Style::rich ? in_bold(title) : title) + '\n';
    for (const std::vector<std::string>& table : panel_tables(panel, best, columns)) {
      for (const std::string& line : table) {
        const bool bold = style == Style::rich && line.starts_with('*');
        text += (bold ? in_bold(line) : line) + '\n';
      }
    }
    text += '\n';
  }
  if (text.empty()) return "";
  text +=
      "metric: sum over tasks of L_i(end) / L_i(0) on the test set; lower is better\n"
      "w(s): final weight of the task of scale s; both are means over the seeds\n";
  return marked ? text + "*: the lowest metric of its panel\n" : text;
}

std::string summary_curves(std::span<const RunResult> results) {
  std::string text;
  for (const Panel& panel : panels_of(results)) {
    const std::string tasks = fmt::format("{} tasks", panel.sigmas.size());
    std::vector<Curve> metrics;
    std::vector<Curve> weights;
    for (const Method& method : panel.methods) {
      metrics.push_back(mean_curve(
          method, method.name, [](const Evaluation& e, std::size_t) { return e.metric; }, 0));
      if (method.name != "gradnorm") continue;
      const auto weight = [](const Evaluation& e, std::size_t task) { return e.weights[task]; };
      for (std::size_t task = 0; task < panel.sigmas.size(); ++task) {
        weights.push_back(
            mean_curve(method, fmt::format("{:.4g}", panel.sigmas[task]), weight, task));
      }
    }
    const std::string metric_plot =
        plot(metrics, {.title = tasks + ": test metric, sum of L_i/L_i(0)"});
    const std::string weight_plot = plot(
        weights, {.title = tasks + ": weights of gradnorm by sigma, log scale", .log_y = true});
    for (const std::string& drawn : {metric_plot, weight_plot}) {
      if (!drawn.empty()) text += drawn + '\n';
    }
  }
  return text;
}

std::string failures(std::span<const RunResult> results) {
  std::string text;
  for (const RunResult& run : results) {
    if (run.error.empty()) continue;
    text += fmt::format("{} on {} tasks, seed {}: broke off at step {}: {}\n", run.name(),
                        run.tasks, run.seed, run.steps, run.error);
  }
  return text;
}

std::string not_below_equal(std::span<const RunResult> results) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string text;
  for (const Panel& panel : panels_of(results)) {
    const auto mean_of = [&](std::string_view name) {
      for (const Method& method : panel.methods) {
        if (method.name == name) return metric_of(method).mean;
      }
      return kNone;
    };
    const double gradnorm = mean_of("gradnorm");
    const double equal = mean_of("equal");
    if (gradnorm < equal) continue;
    text += fmt::format(
        "check: on {} tasks gradnorm must end below equal weights: {:#.4g} and {:#.4g}\n",
        panel.sigmas.size(), gradnorm, equal);
  }
  return text;
}

}  // namespace taskgrad::toy
