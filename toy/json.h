// Results as JSON; a number that is not finite becomes null.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <span>
#include <string>

namespace taskgrad::toy {

/// {"version", "runs": [{"balancer", "tasks", ...}], "findings": [{"symptom", ...}]} on one line;
/// runs that never began are left out. Findings are those of findings().
std::string to_json(std::span<const RunResult> results);

/// One line of metrics.jsonl, without its end.
std::string to_json_line(const RunOptions& run, const Evaluation& evaluation);

}  // namespace taskgrad::toy
