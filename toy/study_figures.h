// The figures of a study: what was measured over the steps, for each set of sigmas.
//
// A line is the mean over the runs of a method, its band their range, as far as all of them got.
#pragma once

#include <taskgrad/toy/figure.h>
#include <taskgrad/toy/panels.h>

#include <optional>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// All of a panel, in the order in which they are read. Names begin with `prefix`.
std::vector<Figure> study_figures(const Panel& panel, const std::string& prefix);

/// The test metric of every method.
Figure metric_figure(const Panel& panel, const std::string& prefix);
/// w_i; none for a method without weights, or with weights that stay what they are.
std::optional<Figure> weights_figure(const Panel& panel, const Method& method,
                                     const std::string& prefix);
/// G_i and its targets; none for a method without targets.
std::optional<Figure> norms_figure(const Panel& panel, const Method& method,
                                   const std::string& prefix);
/// L_i / L_i(0) on the test set.
Figure losses_figure(const Panel& panel, const Method& method, const std::string& prefix);
/// Cosines between the gradients of tasks, of every method; none for a single task.
std::optional<Figure> cosines_figure(const Panel& panel, const std::string& prefix);
/// Their matrix at the start, on the way and at the end; none for fewer than three tasks, whose
/// matrix is one number.
std::optional<Figure> cosine_matrices(const Panel& panel, const Method& method,
                                      const std::string& prefix);

}  // namespace taskgrad::toy
