#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/study_figures.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace taskgrad::toy {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostPairs = 4;  // of a norm and its target that a chart can tell apart

using Quantity = std::function<double(const Evaluation&)>;

/// Evaluations that all runs of a method made: at equal steps, up to where the first of them ended.
std::size_t common_length(const Method& method) {
  std::size_t length = method.runs[0]->history.size();
  for (const RunResult* run : method.runs) length = std::min(length, run->history.size());
  for (std::size_t i = 0; i < length; ++i) {
    for (const RunResult* run : method.runs) {
      if (run->history[i].step != method.runs[0]->history[i].step) return i;
    }
  }
  return length;
}

/// The mean over the runs at each evaluation, within the range of what `low` and `high` give.
Series series_of(const Method& method, std::string label, int style, const Quantity& quantity,
                 const Quantity& low, const Quantity& high) {
  Series series{.label = std::move(label), .style = style};
  const auto count = static_cast<double>(method.runs.size());
  for (std::size_t i = 0; i < common_length(method); ++i) {
    double sum = 0;
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const RunResult* run : method.runs) {
      sum += quantity(run->history[i]);
      least = std::min(least, low(run->history[i]));
      most = std::max(most, high(run->history[i]));
    }
    series.x.push_back(static_cast<double>(method.runs[0]->history[i].step));
    series.y.push_back(sum / count);
    series.low.push_back(least);
    series.high.push_back(most);
  }
  return series;
}

/// The same, with a band for the range over the runs where there are several.
Series series_of(const Method& method, std::string label, int style, const Quantity& quantity) {
  Series series = series_of(method, std::move(label), style, quantity, quantity, quantity);
  if (method.runs.size() == 1) series.low = series.high = {};
  return series;
}

std::string sigma_label(const Panel& panel, std::size_t task) {
  return fmt::format("σ = {:.4g}", panel.sigmas[task]);
}

std::string runs_of(const Method& method) {
  std::set<std::uint64_t> seeds;
  for (const RunResult* run : method.runs) seeds.insert(run->seed);
  if (method.runs.size() == 1) return "one run";
  return fmt::format("mean and range of {} {}", method.runs.size(),
                     seeds.size() == method.runs.size() ? "seeds" : "runs");
}

std::string name_of(const std::string& prefix, const char* what, const Method& method) {
  const std::string name = slug(method.name);
  return fmt::format("{}-{}-{}", prefix, what, name.empty() ? "method" : name);
}

const Evaluation* first_evaluation(const Method& method) {
  const auto& history = method.runs[0]->history;
  return history.empty() ? nullptr : &history[0];
}

constexpr const char* kSteps = "step";

/// Cosines of all pairs of one evaluation.
std::vector<double> pairs_of(const Evaluation& e) {
  const auto tasks = static_cast<std::size_t>(std::sqrt(static_cast<double>(e.cosines.size())));
  std::vector<double> pairs;
  for (std::size_t row = 0; row < tasks; ++row) {
    for (std::size_t column = 0; column < row; ++column) {
      const double cosine = e.cosines[row * tasks + column];
      if (!std::isnan(cosine)) pairs.push_back(cosine);
    }
  }
  return pairs;
}

double mean_pair(const Evaluation& e) {
  const std::vector<double> pairs = pairs_of(e);
  double sum = 0;
  for (const double pair : pairs) sum += pair;
  return sum / static_cast<double>(pairs.size());
}

double least_pair(const Evaluation& e) {
  const std::vector<double> pairs = pairs_of(e);
  return pairs.empty() ? kNone : *std::min_element(pairs.begin(), pairs.end());
}

double most_pair(const Evaluation& e) {
  const std::vector<double> pairs = pairs_of(e);
  return pairs.empty() ? kNone : *std::max_element(pairs.begin(), pairs.end());
}

/// The mean matrix over the runs at one evaluation.
Tile tile_at(const Method& method, std::size_t place, std::size_t tasks) {
  const std::int64_t step = method.runs[0]->history[place].step;
  Tile tile{.title = fmt::format("step {}", step), .values = std::vector<double>(tasks * tasks)};
  for (const RunResult* run : method.runs) {
    for (std::size_t i = 0; i < tile.values.size(); ++i) {
      tile.values[i] += run->history[place].cosines[i] / static_cast<double>(method.runs.size());
    }
  }
  return tile;
}

}  // namespace

Figure metric_figure(const Panel& panel, const std::string& prefix) {
  Chart chart{.x = {kSteps},
              .y = {.label = "sum of L(t) / L(0) over tasks, test set", .log = true}};
  for (const Method& method : panel.methods) {
    chart.series.push_back(series_of(method, method.name, static_cast<int>(chart.series.size()),
                                     [](const Evaluation& e) { return e.metric; }));
  }
  return {
      .name = prefix + "-metric",
      .title = fmt::format("Test metric, {}", tasks_of(panel)),
      .description = fmt::format(
          "The sum over the tasks of the test loss against its value at step 0: it begins at {}, "
          "and lower is better. Lines: means over the runs of a method; bands: their range.",
          panel.sigmas.size()),
      .content = chart};
}

std::optional<Figure> weights_figure(const Panel& panel, const Method& method,
                                     const std::string& prefix) {
  const Evaluation* first = first_evaluation(method);
  const auto& history = method.runs[0]->history;
  if (first == nullptr || first->weights.empty() ||
      std::all_of(history.begin(), history.end(),
                  [&](const Evaluation& e) { return e.weights == first->weights; })) {
    return {};
  }
  Chart chart{.x = {kSteps}, .y = {.label = "task weight w", .log = true}};
  for (std::size_t task = 0; task < panel.sigmas.size(); ++task) {
    chart.series.push_back(series_of(method, sigma_label(panel, task), static_cast<int>(task),
                                     [task](const Evaluation& e) { return e.weights[task]; }));
  }
  return Figure{.name = name_of(prefix, "weights", method),
                .title = fmt::format("Task weights of {}, {}", method.name, tasks_of(panel)),
                .description = fmt::format("The weight of the task of each scale σ by step; {}.",
                                           runs_of(method)),
                .content = chart};
}

std::optional<Figure> norms_figure(const Panel& panel, const Method& method,
                                   const std::string& prefix) {
  const Evaluation* first = first_evaluation(method);
  if (first == nullptr || first->targets.empty()) return {};
  const std::size_t tasks = panel.sigmas.size();
  Chart chart{.x = {kSteps}, .y = {.label = "gradient norm G at W", .log = true}};
  for (std::size_t task = 0; task < tasks; ++task) {
    const auto style = static_cast<int>(task);
    chart.series.push_back(series_of(method, sigma_label(panel, task), style,
                                     [task](const Evaluation& e) { return e.grad_norms[task]; }));
    if (tasks > kMostPairs) continue;
    Series target = series_of(method, "target, " + sigma_label(panel, task), style,
                              [task](const Evaluation& e) { return e.targets[task]; });
    target.mark = Mark::reference;
    target.low = target.high = {};
    chart.series.push_back(std::move(target));
  }
  if (tasks > kMostPairs) {
    const auto least = [](const Evaluation& e) {
      return *std::min_element(e.targets.begin(), e.targets.end());
    };
    const auto most = [](const Evaluation& e) {
      return *std::max_element(e.targets.begin(), e.targets.end());
    };
    const auto middle = [=](const Evaluation& e) { return std::sqrt(least(e) * most(e)); };
    constexpr int kInk = 6;
    Series targets = series_of(method, "targets of all tasks", kInk, middle, least, most);
    targets.mark = Mark::reference;
    chart.series.push_back(std::move(targets));
  }
  return Figure{
      .name = name_of(prefix, "norms", method),
      .title = fmt::format("Gradient norms of {} and targets, {}", method.name, tasks_of(panel)),
      .description = fmt::format(
          "G is the norm of the weighted gradient of a task at W, the last shared weight; {} its "
          "target, the mean norm times (rate)^α; {}.",
          tasks > kMostPairs ? "the dotted line with its band is the middle and the range of"
                             : "the dotted line of the same colour is",
          runs_of(method)),
      .content = chart};
}

Figure losses_figure(const Panel& panel, const Method& method, const std::string& prefix) {
  Chart chart{.x = {kSteps}, .y = {.label = "loss ratio L(t) / L(0), test set", .log = true}};
  for (std::size_t task = 0; task < panel.sigmas.size(); ++task) {
    Series series{.label = sigma_label(panel, task)};
    if (const Evaluation* first = first_evaluation(method)) {
      const double initial = first->test_losses[task];
      series = series_of(method, series.label, static_cast<int>(task),
                         [=](const Evaluation& e) { return e.test_losses[task] / initial; });
    }
    chart.series.push_back(std::move(series));
  }
  return {
      .name = name_of(prefix, "losses", method),
      .title = fmt::format("Loss ratios of {}, {}", method.name, tasks_of(panel)),
      .description = fmt::format("The test loss of the task of each scale σ against its value at "
                                 "step 0; {}.",
                                 runs_of(method)),
      .content = chart};
}

std::optional<Figure> cosines_figure(const Panel& panel, const std::string& prefix) {
  Chart chart{.x = {kSteps}, .y = {.label = "cosine between gradients of tasks, at W"}};
  const bool several = panel.sigmas.size() > 2;
  for (const Method& method : panel.methods) {
    const Evaluation* first = first_evaluation(method);
    if (first == nullptr || first->cosines.size() < 4) continue;
    const auto style = static_cast<int>(chart.series.size());
    chart.series.push_back(
        several ? series_of(method, method.name, style, mean_pair, least_pair, most_pair)
                : series_of(method, method.name, style, mean_pair));
  }
  if (chart.series.empty()) return {};
  return Figure{
      .name = prefix + "-cosines",
      .title = fmt::format("Agreement of the tasks, {}", tasks_of(panel)),
      .description = fmt::format(
          "The cosine between the gradients of two tasks at W: 1 where they agree, below 0 "
          "where they conflict. {}",
          several ? "Lines: means over all pairs and runs; bands: from the lowest to the "
                    "highest pair of any run."
                  : "Lines: means over the runs; bands: their range."),
      .content = chart};
}

std::optional<Figure> cosine_matrices(const Panel& panel, const Method& method,
                                      const std::string& prefix) {
  const std::size_t tasks = panel.sigmas.size();
  const std::size_t length = common_length(method);
  if (tasks < 3 || length == 0 || first_evaluation(method)->cosines.empty()) return {};
  HeatMap map{.quantity = "cosine: red conflicts"};
  for (const double sigma : panel.sigmas) map.names.push_back(fmt::format("{:.4g}", sigma));
  std::set<std::size_t> places;
  for (const std::size_t third : {0u, 1u, 2u, 3u}) places.insert(third * (length - 1) / 3);
  for (const std::size_t place : places) map.tiles.push_back(tile_at(method, place, tasks));
  return Figure{
      .name = name_of(prefix, "cosine-matrix", method),
      .title = fmt::format("Cosines of tasks under {}, {}", method.name, tasks_of(panel)),
      .description = fmt::format("Cosines between the gradients of all pairs of tasks at W, "
                                 "rows and columns by σ, at four steps; {}.",
                                 method.runs.size() == 1 ? "one run" : "means over the runs"),
      .content = map};
}

std::vector<Figure> study_figures(const Panel& panel, const std::string& prefix) {
  std::vector<Figure> figures = {metric_figure(panel, prefix)};
  if (auto figure = cosines_figure(panel, prefix)) figures.push_back(std::move(*figure));
  const auto add = [&](std::optional<Figure> figure) {
    if (figure) figures.push_back(std::move(*figure));
  };
  for (const Method& method : panel.methods) {
    add(weights_figure(panel, method, prefix));
    add(norms_figure(panel, method, prefix));
  }
  for (const Method& method : panel.methods) add(losses_figure(panel, method, prefix));
  for (const Method& method : panel.methods) add(cosine_matrices(panel, method, prefix));
  return figures;
}

}  // namespace taskgrad::toy
