// Many runs side by side, each wholly on one thread.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace taskgrad::toy {

/// How far a study is.
struct Progress {
  int runs_done = 0;
  int runs = 0;
  std::int64_t steps_done = 0;
  std::int64_t steps = 0;
  double fraction = 0;      ///< of the work: a step of ten tasks counts for more than one of two
  double seconds = 0;       ///< since the start
  double seconds_left = 0;  ///< estimated; meaningless before the first step
};

struct StudyOptions {
  int threads = 1;
  /// Runs at the same time, 0 for one a thread. Threads that have no run of their own help the
  /// kernels.
  int jobs = 0;
  /// Where each run goes on; empty if all of them begin.
  std::span<const Checkpoint> from = {};
  /// Called on the thread of the run; evaluations of one run come in order.
  std::function<void(std::size_t run, const Evaluation&)> on_evaluation = {};
  /// Called on the thread of the run.
  std::function<void(std::size_t run, const Checkpoint&)> on_checkpoint = {};
  std::int64_t checkpoint_every = 0;  ///< steps; 0: a twentieth of the run
  /// Called on the thread of the caller about ten times a second, and once at the end.
  std::function<void(const Progress&)> on_progress = {};
  const std::atomic<bool>* stop = nullptr;  ///< ends all runs early when true
};

/// The results in the order of `runs`; equal bits for every number of threads and jobs, and
/// whatever `from` has already. A run that never began, because the study was stopped, has an empty
/// history. The first exception of a run or a callback stops the others and is then thrown.
std::vector<RunResult> run_study(std::span<const RunOptions> runs, const StudyOptions& options);

}  // namespace taskgrad::toy
