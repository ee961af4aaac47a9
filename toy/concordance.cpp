#include <taskgrad/toy/concordance.h>
#include <taskgrad/toy/statistics.h>
#include <taskgrad/toy/studies.h>
#include <taskgrad/toy/table.h>
#include <taskgrad/toy/variants.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {
namespace {

// A thousandth. As long as the steps of two rules have equal signs, rounding alone tells them
// apart; a log scale would show little else.
constexpr double kAlike = 1e-3;

struct Pair {
  const RunResult& run;
  const RunResult& paper;  ///< of the same start and data
};

/// The runs of a departure that have one of the paper's rule to be compared with.
std::vector<Pair> pairs_of(Results results, std::string_view departure) {
  std::vector<Pair> pairs;
  for (const RunResult& run : results) {
    const RunResult* paper = gradnorm_of(results, run.sigmas, run.seed);
    if (run.name() != departure || paper == nullptr || !run.error.empty()) continue;
    if (!run.history.empty() && !paper->history.empty()) pairs.push_back({run, *paper});
  }
  return pairs;
}

/// The mean drift over the pairs, as far as all of them go.
Series drift_of(const std::vector<Pair>& pairs, std::string_view departure) {
  Series series{.label = std::string(departure)};
  std::vector<std::vector<double>> drifts;
  for (const Pair& pair : pairs) drifts.push_back(drift(pair.run, pair.paper));
  std::size_t length = drifts.empty() ? 0 : drifts[0].size();
  for (const std::vector<double>& one : drifts) length = std::min(length, one.size());
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<double> here;
    for (const std::vector<double>& one : drifts) here.push_back(one[i]);
    if (mean(here) < kAlike) continue;
    series.x.push_back(static_cast<double>(pairs[0].run.history[i].step));
    series.y.push_back(mean(here));
  }
  return series;
}

double largest_log_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(std::log(a[i] / b[i])));
  }
  return largest;
}

}  // namespace

std::vector<double> drift(const RunResult& run, const RunResult& paper) {
  std::vector<double> means;
  double sum = 0;
  for (std::size_t i = 0; i < std::min(run.history.size(), paper.history.size()); ++i) {
    sum +=
        largest_log_ratio(normalised(run.history[i].weights), normalised(paper.history[i].weights));
    means.push_back(sum / static_cast<double>(i + 1));
  }
  return means;
}

std::string concordance_findings(Results results) {
  std::vector<Row> rows = {{"variant", "in place of the paper's rule", "drift", "metric"}};
  for (const Departure& departure : departures()) {
    std::vector<double> drifts;
    std::vector<double> ratios;
    for (const auto& [run, paper] : pairs_of(results, departure.name)) {
      drifts.push_back(drift(run, paper).back());
      ratios.push_back(100 * (run.metric / paper.metric - 1));
    }
    const bool any = !drifts.empty();
    rows.push_back({std::string(departure.name), std::string(departure.rule),
                    any ? fmt::format("{:.3f}", mean(drifts)) : "diverged",
                    any ? fmt::format("{:+.1f} %", mean(ratios)) : "-"});
  }
  std::string text = "Drift from the paper's rule, from the same start and on the same data:\n";
  for (const std::string& line : align(rows)) text += line + '\n';
  return text +
         "drift: mean over the run of max_i |log(w_i / w_i of the paper)|, both scaled to sum T\n"
         "metric: against that of gradnorm\n";
}

std::vector<Figure> concordance_figures(Results results) {
  Chart chart{.x = {"step"}, .y = {"largest |log(w / w of the paper)|, mean so far", /*log=*/true}};
  for (const Departure& departure : departures()) {
    Series series = drift_of(pairs_of(results, departure.name), departure.name);
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return {};
  // From the highest line down, as the legend is read; neighbours have colours of their own.
  std::stable_sort(chart.series.begin(), chart.series.end(),
                   [](const Series& a, const Series& b) { return a.y.back() > b.y.back(); });
  int style = 0;
  for (Series& series : chart.series) series.style = style++;
  return {
      {.name = "drift",
       .title = "Drift of public variants from the paper's rule",
       .description =
           "How far the weights of each variant are from those of GradNorm as the paper has it, "
           "from the same start and on the same data: the largest logarithm of their ratio over "
           "the tasks (0.1 is a tenth, 1 a factor of 2.7), mean over the evaluations so far and "
           "over the seeds. A line begins where its variant leaves the paper's rule; the legend "
           "is in the order of the lines at the end.",
       .content = std::move(chart)}};
}

}  // namespace taskgrad::toy
