#include <taskgrad/toy/panels.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {

bool began(const RunResult& run) { return !run.history.empty() || !run.error.empty(); }

std::vector<Panel> panels_of(std::span<const RunResult> results) {
  std::vector<Panel> panels;
  for (const RunResult& run : results) {
    if (!began(run)) continue;
    auto panel = std::find_if(panels.begin(), panels.end(),
                              [&](const Panel& p) { return p.sigmas == run.sigmas; });
    if (panel == panels.end()) panel = panels.insert(panel, Panel{run.sigmas, {}});
    auto method = std::find_if(panel->methods.begin(), panel->methods.end(),
                               [&](const Method& m) { return m.name == run.name(); });
    if (method == panel->methods.end()) {
      method = panel->methods.insert(method, Method{run.name(), {}});
    }
    method->runs.push_back(&run);
  }
  return panels;
}

MetricSummary metric_of(const Method& method) {
  MetricSummary summary;
  for (const RunResult* run : method.runs) {
    if (!std::isfinite(run->metric)) continue;
    ++summary.runs;
    summary.mean += run->metric;
    summary.low = std::min(summary.low, run->metric);
    summary.high = std::max(summary.high, run->metric);
  }
  summary.mean /= summary.runs;
  return summary;
}

std::string tasks_of(const Panel& panel) {
  return fmt::format("{} task{}", panel.sigmas.size(), panel.sigmas.size() == 1 ? "" : "s");
}

std::string title_of(const Panel& panel) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = 0;
  for (const Method& method : panel.methods) {
    for (const RunResult* run : method.runs) {
      least = std::min(least, run->steps);
      most = std::max(most, run->steps);
    }
  }
  const std::string steps =
      least == most ? fmt::format("{}", most) : fmt::format("{} to {}", least, most);
  return fmt::format("{}, {} steps", tasks_of(panel), steps);
}

}  // namespace taskgrad::toy
