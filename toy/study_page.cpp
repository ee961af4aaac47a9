#include <taskgrad/core/version.h>
#include <taskgrad/toy/findings.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/statistics.h>
#include <taskgrad/toy/study_figures.h>
#include <taskgrad/toy/study_folder.h>
#include <taskgrad/toy/study_page.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <thread>

namespace taskgrad::toy {
namespace {

constexpr std::string_view kReference = "equal";

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

Section what_was_run(std::span<const RunResult> results, const StudyFacts& facts) {
  std::set<std::uint64_t> seeds;
  double seconds = 0;
  for (const RunResult& run : results) {
    seeds.insert(run.seed);
    seconds += run.seconds;
  }
  Facts about{
      {{"program", fmt::format("toy_regression {}", kVersion)},
       {"machine",
        fmt::format("{} processors, {}", std::thread::hardware_concurrency(), compiler())},
       {"runs", fmt::format("{}, {:.3g} seconds of training in all", results.size(), seconds)},
       {"seeds", fmt::format("{}", fmt::join(seeds, ", "))}}};
  const Facts options = option_facts(facts.runs);
  about.rows.insert(about.rows.end(), options.rows.begin(), options.rows.end());
  Section section{"What was run", {about}};
  if (!facts.config.empty()) {
    section.blocks.push_back(
        Paragraph{fmt::format("The command that repeats it, with equal bits from the same program "
                              "on this machine, and the "
                              "file {} that it reads:",
                              kStudyFile)});
    section.blocks.push_back(Listing{fmt::format("toy_regression --config {}", kStudyFile)});
    section.blocks.push_back(Listing{facts.config});
  }
  return section;
}

/// Metrics by seed; empty when a seed has several runs, or one of them diverged.
std::map<std::uint64_t, double> by_seed(const Method& method) {
  std::map<std::uint64_t, double> metrics;
  for (const RunResult* run : method.runs) {
    if (std::isfinite(run->metric) && !metrics.emplace(run->seed, run->metric).second) return {};
  }
  return metrics;
}

/// "-0.30 (-0.35 .. -0.25)": the mean difference over the seeds that both have, and its interval.
std::string difference(const Method& method, const Method* reference) {
  if (reference == nullptr || reference == &method) return "";
  const auto ours = by_seed(method);
  const auto theirs = by_seed(*reference);
  std::vector<double> differences;
  for (const auto& [seed, metric] : ours) {
    if (const auto other = theirs.find(seed); other != theirs.end()) {
      differences.push_back(metric - other->second);
    }
  }
  if (differences.empty()) return "";
  const std::string mean_text = fmt::format("{:+.4f}", mean(differences));
  const Interval interval = mean_interval(differences);
  if (std::isnan(interval.low)) return mean_text;
  return fmt::format("{} ({:+.4f} .. {:+.4f})", mean_text, interval.low, interval.high);
}

std::vector<std::string> weight_cells(const Panel& panel, const Method& method) {
  std::vector<std::string> cells = {method.name};
  for (std::size_t task = 0; task < panel.sigmas.size(); ++task) {
    std::vector<double> weights;
    for (const RunResult* run : method.runs) {
      if (std::isfinite(run->metric) && !run->weights.empty())
        weights.push_back(run->weights[task]);
    }
    cells.push_back(weights.empty() ? "" : fmt::format("{:.3g}", mean(weights)));
  }
  return cells;
}

Table metric_table(const Panel& panel) {
  Table table{.caption = fmt::format("{}: test metric at the end", title_of(panel)),
              .header = {"method", "runs", "mean", "range", "difference to equal (95 % interval)"}};
  const auto reference =
      std::find_if(panel.methods.begin(), panel.methods.end(),
                   [](const Method& method) { return method.name == kReference; });
  for (const Method& method : panel.methods) {
    const MetricSummary metric = metric_of(method);
    const auto diverged = static_cast<int>(method.runs.size()) - metric.runs;
    table.rows.push_back(
        {method.name,
         fmt::format("{}{}", method.runs.size(),
                     diverged > 0 ? fmt::format(", {} diverged", diverged) : ""),
         metric.runs > 0 ? fmt::format("{:.4f}", metric.mean) : "–",
         metric.runs > 1 ? fmt::format("{:.4f} .. {:.4f}", metric.low, metric.high) : "",
         difference(method, reference == panel.methods.end() ? nullptr : &*reference)});
  }
  return table;
}

Table weight_table(const Panel& panel) {
  Table table{.caption = fmt::format("{}: weights of the tasks at the end, by their scale σ",
                                     tasks_of(panel)),
              .header = {"method"}};
  for (const double sigma : panel.sigmas) table.header.push_back(fmt::format("{:.4g}", sigma));
  for (const Method& method : panel.methods) table.rows.push_back(weight_cells(panel, method));
  return table;
}

Section outcome(const std::vector<Panel>& panels, const StudyFacts& facts) {
  Section section{"Results", {}};
  for (const Panel& panel : panels) {
    section.blocks.push_back(metric_table(panel));
    section.blocks.push_back(weight_table(panel));
  }
  section.blocks.push_back(Paragraph{
      "Metric: the sum over the tasks of the test loss at the end against that at step 0; lower is "
      "better. Means are over the runs that did not "
      "diverge. Difference: the mean over the seeds of the method's metric less that of equal "
      "weights "
      "with the same seed, which starts from the same parameters and sees the same data; its "
      "interval "
      "is Student's t at 95 %, and there is none for a single seed."});
  if (!facts.text.empty()) section.blocks.push_back(Listing{facts.text});
  return section;
}

Section meaning(std::span<const RunResult> results) {
  Remarks remarks;
  for (const Finding& finding : findings(results)) {
    remarks.items.emplace_back(fmt::format("{}.", finding.method),
                               finding.claim + ' ' + finding.advice);
  }
  Section section{"What to make of it", {}};
  if (remarks.items.empty()) {
    section.blocks.push_back(
        Paragraph{"No rule found anything to remark: no task dominates, no gradients conflict "
                  "much, no weight "
                  "is at its floor, no loss stopped, no target is out of reach, no learning rate "
                  "is too high."});
  } else {
    section.blocks.push_back(remarks);
  }
  return section;
}

Section every_run(const std::vector<Panel>& panels) {
  Table table{.caption = "Every run; a fingerprint is a hash of the bits of the final parameters",
              .header = {"method", "fingerprint", "tasks", "seed", "steps", "metric", "seconds"},
              .names = 2};
  for (const Panel& panel : panels) {
    for (const Method& method : panel.methods) {
      for (const RunResult* run : method.runs) {
        table.rows.push_back({method.name, run->fingerprint, fmt::format("{}", run->tasks),
                              fmt::format("{}", run->seed), fmt::format("{}", run->steps),
                              run->error.empty() ? fmt::format("{:.6f}", run->metric) : "diverged",
                              fmt::format("{:.2f}", run->seconds)});
      }
    }
  }
  return {"Runs", {table}};
}

std::string lead(const std::vector<Panel>& panels) {
  std::string text =
      "Tasks that differ in nothing but their scale σ, learnt together by one network: the toy "
      "regression of the GradNorm paper (Chen et al., ICML 2018, section 4).";
  for (const Panel& panel : panels) {
    text +=
        fmt::format(" {}, {}.", title_of(panel),
                    panel.methods.size() == 1 ? panel.methods[0].name
                                              : fmt::format("{} methods", panel.methods.size()));
  }
  return text;
}

}  // namespace

Page study_page(std::span<const RunResult> results, const StudyFacts& facts) {
  const std::vector<Panel> panels = panels_of(results);
  Page page{"Toy regression: balancing tasks of unlike scales", lead(panels), {}};
  if (facts.interrupted) page.lead += " The study was interrupted: this is what ran until then.";
  page.sections = {outcome(panels, facts), meaning(results)};
  if (!facts.figures.empty()) {
    page.sections.push_back({"Figures of the study", {facts.figures.begin(), facts.figures.end()}});
  }
  std::set<std::string> names;
  for (const Figure& figure : facts.figures) names.insert(figure.name);
  for (const Panel& panel : panels) {
    Section section{fmt::format("Figures, {}", tasks_of(panel)), {}};
    for (Figure& figure : study_figures(panel, slug(tasks_of(panel)))) {
      figure.name = unlike(names, figure.name);
      section.blocks.push_back(std::move(figure));
    }
    page.sections.push_back(std::move(section));
  }
  page.sections.push_back(what_was_run(results, facts));
  page.sections.push_back(every_run(panels));
  return page;
}

}  // namespace taskgrad::toy
