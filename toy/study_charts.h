// Figures of single studies, beside those that every study has.
#pragma once

#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/figure.h>

#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// What alpha_sweep calls a run.
std::string alpha_label(double alpha);

/// Of a grid search: the metric of static weights over their distance from E_t[w], with that of
/// GradNorm and of its average at their own; one figure, none where nothing can be drawn.
std::vector<Figure> grid_figures(std::span<const RunResult> results);

/// Of an alpha sweep: the metric over alpha beside equal weights, and the final weights; mean and
/// range over seeds.
std::vector<Figure> alpha_figures(std::span<const RunResult> results,
                                  std::span<const double> alphas);

/// What double_backprop calls a run.
std::string penalty_label(double penalty);

/// Of double backprop: the metric at the test inputs and at inputs with noise, and the input slope,
/// over the penalty beside no penalty; mean and range over seeds.
std::vector<Figure> penalty_figures(std::span<const RunResult> results,
                                    std::span<const double> penalties);

}  // namespace taskgrad::toy
