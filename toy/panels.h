// Results in the order in which people read them: by set of sigmas, in it by method, in it by seed.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// The runs of one method, by seed.
struct Method {
  std::string name;
  std::vector<const RunResult*> runs;
};

/// The methods that ran on one set of sigmas.
struct Panel {
  std::vector<double> sigmas;
  std::vector<Method> methods;
};

/// Points into `results`; runs that never began are left out.
std::vector<Panel> panels_of(std::span<const RunResult> results);

bool began(const RunResult& run);

/// "2 tasks, 4000 steps", or "37 to 4000 steps".
std::string title_of(const Panel& panel);
/// "1 task", "10 tasks".
std::string tasks_of(const Panel& panel);

/// Mean and range of the metric over the runs that did not diverge.
struct MetricSummary {
  int runs = 0;
  double mean = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};
MetricSummary metric_of(const Method& method);

}  // namespace taskgrad::toy
