// What to make of a study: rules that look at its runs, each with the number that it rests on and
// what to try.
//
// A rule sees the runs of one method on one set of sigmas; its number is the median over those that
// did not diverge. It is silent where the runs do not have what it needs.
#pragma once

#include <taskgrad/toy/panels.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad::toy {

/// A gradient ten times as long as another, at a right angle to it, turns the sum to within six
/// degrees of its own direction: the other task is carried along.
inline constexpr double kDominance = 10;
/// Directions that are random in the 10,000 numbers of the anchor have cosines within 0.03 of zero:
/// what is below -0.05 pulls against the other task.
inline constexpr double kAgainst = -0.05;
/// Of all pairs at all evaluations; below that a conflict is an exception.
inline constexpr double kConflicts = 0.2;
/// Of the mean weight: a task below it is trained a thousand times more weakly than the average,
/// and 1e-4 is the floor of GradNorm's linear form.
inline constexpr double kWeightFloor = 1e-3;
/// Over the last quarter of a run: what falls by less than a hundredth there has hardly a percent
/// to gain from another quarter.
inline constexpr double kStopped = 0.01;
/// From the target, relative: |G - target| beyond half of it is more than what one batch differs
/// from the next, and not a weight on its way.
inline constexpr double kOffTarget = 0.5;
/// From one evaluation to the next: batches of 100 examples make the loss of one model differ by a
/// few percent, not by ten.
inline constexpr double kRise = 0.1;
/// Of the evaluations; a run that falls has none, one that only jumps about has about half.
inline constexpr double kRises = 0.2;

enum class Symptom {
  task_dominates,
  gradients_conflict,
  weight_at_floor,
  loss_stopped,
  target_unreachable,
  learning_rate_too_high,
};

/// "task_dominates", for files.
std::string_view name_of(Symptom symptom);

struct Finding {
  Symptom symptom;
  std::string method;  ///< and the tasks: "gradnorm on 2 tasks"
  std::string number;  ///< in short: "norms 1 : 250"
  std::string claim;   ///< a sentence, with the number
  std::string advice;  ///< a sentence, what to try
};

/// In the order of the panels, of their methods and of the symptoms.
std::vector<Finding> findings(std::span<const RunResult> results);

/// One line a symptom, in ASCII, for a terminal; empty when nothing was found.
std::string findings_summary(std::span<const Finding> findings);

}  // namespace taskgrad::toy
