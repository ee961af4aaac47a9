// What a study says to people at its end: a table, curves, and what went wrong.
#pragma once

#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/terminal.h>

#include <span>
#include <string>

namespace taskgrad::toy {

/// The results as one table: each set of sigmas by method, the metric as mean and range over seeds,
/// the final weights as mean. The method with the lowest mean is marked, if every run came to its
/// end. Weights that do not fit into `columns` beside the rest stand below; 0 is no limit.
std::string summary_table(std::span<const RunResult> results, Style style, int columns = 0);

/// The test metric of all methods, and the weights of GradNorm, by step: for each set of sigmas, as
/// means over seeds. For a rich terminal.
std::string summary_curves(std::span<const RunResult> results);

/// One line for each run that diverged; empty if none did.
std::string failures(std::span<const RunResult> results);

/// One line for each panel in which the mean metric of GradNorm is not below that of equal weights,
/// or cannot be compared with it; empty if it is below in all.
std::string not_below_equal(std::span<const RunResult> results);

}  // namespace taskgrad::toy
