// The experiments of the paper and some beside them, each as the runs it is made of and what is
// said of their results.
#pragma once

#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/figure.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad::toy {

using Results = std::span<const RunResult>;

/// Runs that need nothing, then runs that follow from their results. The same results always give
/// the same further runs, so that an interrupted study can be continued.
struct Plan {
  std::vector<RunOptions> runs = {};
  std::function<std::vector<RunOptions>(Results)> further = {};
  /// What the study is about, in a few lines behind the table of all results; empty for nothing.
  std::function<std::string(Results)> findings = {};
  /// Figures of its own for the report; empty for none.
  std::function<std::vector<Figure>(Results)> figures = {};
};

/// What the studies vary, beside seeds.
struct StudyRange {
  std::vector<RunOptions> bases = {};       ///< one a set of sigmas and seed; balancer is gradnorm
  std::vector<std::string> balancers = {};  ///< of compare
  std::vector<double> alphas = {};          ///< of alpha-sweep
  std::vector<double> penalties = {};       ///< of double-backprop
  int points = 100;                         ///< of grid-search
};

/// "GradNorm static" (section 5.2 of the paper): from the same start with the weights fixed at
/// their time average E_t[w_i] over a GradNorm run of the same seed.
Plan static_study(const StudyRange& range);

/// Section 5.3: static weights drawn uniformly and then normalised to sum T, and whether the metric
/// falls with their distance from E_t[w_i].
Plan grid_search(const StudyRange& range);

/// Section 5.4: the metric and the final weights over alpha.
Plan alpha_sweep(const StudyRange& range);

/// Any methods side by side, with their difference to equal weights, seed by seed.
Plan compare(const StudyRange& range);

/// How each departure of public implementations drifts from the paper's rule, from the same start.
Plan concordance(const StudyRange& range);

/// A penalty on the norm of the losses' gradients in the inputs, which has no closed form: training
/// differentiates a gradient norm in the parameters of the model.
Plan double_backprop(const StudyRange& range);

/// The GradNorm run of the same problem and seed; null where there is none, or it broke off.
const RunResult* gradnorm_of(Results results, const std::vector<double>& sigmas,
                             std::uint64_t seed);

/// Of a grid search: static weight vectors against E_t[w_i] of the GradNorm run of their seed.
struct GridPoints {
  std::vector<double> distances;  ///< L2
  std::vector<double> metrics;
  int diverged = 0;
  int below_gradnorm = 0;  ///< points with a lower metric than GradNorm's run
};
GridPoints grid_points(Results results);

}  // namespace taskgrad::toy
