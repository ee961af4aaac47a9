// How the departures of public GradNorm codes drift from the paper's rule: a table and a picture.
#pragma once

#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/figure.h>

#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// max_i |log(w_i / w'_i)| of two runs, both scaled to sum T: at each evaluation its mean up to
/// there, as far as both go. 0.1 is a tenth, 1 a factor of 2.7, of a small weight as of a large
/// one.
std::vector<double> drift(const RunResult& run, const RunResult& paper);

/// A row a departure: its drift at the end, and its metric against that of the paper's rule.
std::string concordance_findings(std::span<const RunResult> results);

/// The drift of every departure over the steps, mean over the seeds; one figure, none where no run
/// can be compared.
std::vector<Figure> concordance_figures(std::span<const RunResult> results);

}  // namespace taskgrad::toy
