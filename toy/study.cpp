#include <taskgrad/core/fail.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/toy/study.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace taskgrad::toy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTick = std::chrono::milliseconds(100);

/// What a step costs, in arbitrary units: the trunk and the extra passes of GradNorm.
std::int64_t step_cost(const RunOptions& run) {
  const std::int64_t cost = 2 + run.tasks();
  return run.balancer == "gradnorm" ? 2 * cost : cost;
}

class ThreadsForKernels {
 public:
  explicit ThreadsForKernels(int count) : previous_(threads()) { set_threads(count); }
  ~ThreadsForKernels() { set_threads(previous_); }
  ThreadsForKernels(const ThreadsForKernels&) = delete;
  ThreadsForKernels& operator=(const ThreadsForKernels&) = delete;

 private:
  int previous_;
};

void check(std::span<const RunOptions> runs, const StudyOptions& options) {
  if (options.threads < 1) {
    fail<ConfigError>("toy::run_study: threads must be at least 1: {}", options.threads);
  }
  if (options.jobs < 0) {
    fail<ConfigError>("toy::run_study: jobs must be at least 0: {}", options.jobs);
  }
  if (!options.from.empty() && options.from.size() != runs.size()) {
    fail<ConfigError>("toy::run_study: from must have a checkpoint for each of {} runs: {}",
                      runs.size(), options.from.size());
  }
}

class Study {
 public:
  Study(std::span<const RunOptions> runs, const StudyOptions& options)
      : runs_(runs), options_(options), results_(runs.size()) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      results_[i] = from(i).result;
      if (from(i).done()) {
        ++runs_done_;
      } else {
        order_.push_back(i);
      }
      steps_ += runs[i].steps;
      work_ += runs[i].steps * step_cost(runs[i]);
      steps_done_ += results_[i].steps;
      work_done_ += results_[i].steps * step_cost(runs[i]);
    }
    work_before_ = work_done_;
    // The longest first: a long one that starts last would keep the other threads waiting.
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return runs[a].steps * step_cost(runs[a]) > runs[b].steps * step_cost(runs[b]);
    });
  }

  std::vector<RunResult> run() {
    const int most = options_.jobs > 0 ? options_.jobs : options_.threads;
    const int count = std::clamp(static_cast<int>(order_.size()), 1, most);
    const ThreadsForKernels kernel_threads(std::max(1, options_.threads / count));
    working_ = count;
    pass_stop_on();
    {
      std::vector<std::jthread> workers;
      for (int i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
      watch();
    }
    if (first_error_) std::rethrow_exception(first_error_);
    return std::move(results_);
  }

 private:
  const Checkpoint& from(std::size_t run) const {
    static const Checkpoint beginning;
    return options_.from.empty() ? beginning : options_.from[run];
  }

  void work() {
    try {
      for (std::size_t place = next_++; place < order_.size() && !halt_; place = next_++) {
        run_one(order_[place]);
      }
    } catch (...) {
      keep(std::current_exception());
    }
    const std::lock_guard lock(mutex_);
    --working_;
    ready_.notify_one();
  }

  void run_one(std::size_t index) {
    const std::int64_t cost = step_cost(runs_[index]);
    Hooks hooks{.on_evaluation = {},
                .on_step =
                    [this, cost](std::int64_t) {
                      ++steps_done_;
                      work_done_ += cost;
                    },
                .checkpoint_every = options_.checkpoint_every,
                .stop = &halt_};
    if (options_.on_evaluation) {
      hooks.on_evaluation = [&](const Evaluation& evaluation) {
        options_.on_evaluation(index, evaluation);
      };
    }
    if (options_.on_checkpoint) {
      hooks.on_checkpoint = [&](const Checkpoint& checkpoint) {
        options_.on_checkpoint(index, checkpoint);
      };
    }
    results_[index] = toy::run(runs_[index], hooks, from(index));
    ++runs_done_;
  }

  /// The thread of the caller: reports, and passes the stop on.
  void watch() {
    std::unique_lock lock(mutex_);
    while (!ready_.wait_for(lock, kTick, [&] { return working_ == 0; })) {
      lock.unlock();
      pass_stop_on();
      report();
      lock.lock();
    }
    lock.unlock();
    report();
  }

  void pass_stop_on() {
    if (options_.stop != nullptr && *options_.stop) halt_ = true;
  }

  void report() {
    if (!options_.on_progress) return;
    Progress progress{.runs_done = runs_done_,
                      .runs = static_cast<int>(runs_.size()),
                      .steps_done = steps_done_,
                      .steps = steps_,
                      .fraction = double(work_done_) / double(std::max<std::int64_t>(work_, 1))};
    progress.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const std::int64_t done_here = std::max<std::int64_t>(work_done_ - work_before_, 1);
    progress.seconds_left = progress.seconds * double(work_ - work_done_) / double(done_here);
    try {
      options_.on_progress(progress);
    } catch (...) {
      keep(std::current_exception());
    }
  }

  void keep(std::exception_ptr error) {
    halt_ = true;
    const std::lock_guard lock(mutex_);
    if (!first_error_) first_error_ = std::move(error);
  }

  std::span<const RunOptions> runs_;
  const StudyOptions& options_;
  std::vector<std::size_t> order_;  // of those that are not done
  std::vector<RunResult> results_;
  const Clock::time_point start_ = Clock::now();
  std::int64_t steps_ = 0;
  std::int64_t work_ = 0;
  std::int64_t work_before_ = 0;  // done when the study began

  std::atomic<std::size_t> next_ = 0;
  std::atomic<int> runs_done_ = 0;
  std::atomic<std::int64_t> steps_done_ = 0;
  std::atomic<std::int64_t> work_done_ = 0;
  std::atomic<bool> halt_ = false;

  std::mutex mutex_;  // guards the two below
  int working_ = 0;
  std::exception_ptr first_error_;
  std::condition_variable ready_;
};

}  // namespace

std::vector<RunResult> run_study(std::span<const RunOptions> runs, const StudyOptions& options) {
  check(runs, options);
  return Study(runs, options).run();
}

}  // namespace taskgrad::toy
