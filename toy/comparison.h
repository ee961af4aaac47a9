// Balancers side by side on one problem: a toy of this folder or a model of your own. For each the
// metric at the end, what a step costs, and how the tasks' gradients conflict on the way.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/nn/optim.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// What is learnt: all that compare() needs to know of a problem.
struct Subject {
  /// A new model at its first parameters, the same each time.
  std::function<nn::MultiTask()> model;
  /// The losses of one step; batch 0 is its own, 1, 2, ... are further ones that are independent.
  std::function<List<Var>(const nn::MultiTask& model, std::int64_t step, int batch)> losses;
  /// What counts at the end; lower is better.
  std::function<double(const nn::MultiTask& model)> metric;
  std::function<std::unique_ptr<nn::Optimizer>(const nn::MultiTask& model)> optimizer;
  /// Steps between calls of end_epoch().
  std::int64_t epoch_steps = 100;
  /// Called with the model before each step and at the end; may be empty.
  std::function<void(const nn::MultiTask& model)> watch = {};
};

struct Comparison {
  std::string name;
  std::string error;  ///< why the run broke off, or empty
  double metric = 0;
  double passes = 0;        ///< backward passes a step
  double milliseconds = 0;  ///< of backward(), a step
  std::int64_t state = 0;   ///< bytes that the method keeps between steps
  Matrix cosines;           ///< between the shared gradients of tasks, mean over observed steps
  double conflicting = 0;   ///< share of pairs with a negative one
  double norm_ratio = 0;    ///< longest over shortest gradient, mean over observed steps
};

/// Trains one method for `steps` steps. Conflicts are observed at every tenth step, outside the
/// cost. A method that refuses the problem, or diverges, ends with its error.
Comparison compare(const std::string& name, const BalancerOptions& options, const Subject& subject,
                   std::int64_t steps);

/// One line a method: metric, cost, conflicts.
std::string comparison_table(std::span<const Comparison> results);

/// The way of one method through the plane.
struct Trajectory {
  std::string name;
  std::vector<std::array<double, 2>> points;
};

/// Trajectories over the level lines of `height`, as an SVG picture.
std::string trajectories_svg(std::span<const Trajectory> trajectories,
                             const std::function<double(double x, double y)>& height);

}  // namespace taskgrad::toy
