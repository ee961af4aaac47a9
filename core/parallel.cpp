#include <taskgrad/core/fail.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace taskgrad {
namespace {

int default_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

std::atomic<int>& setting() {
  static std::atomic<int> value = default_threads();
  return value;
}

// 0: not known yet.
constinit std::atomic<std::int64_t> given_cost = 0;
constinit std::atomic<std::int64_t> measured_cost = 0;
constinit std::atomic<double> measured_at = 0;  // in seconds of the clock, which are never 0

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool within_a_block() {
#if defined(_OPENMP)
  return omp_in_parallel() != 0;
#else
  return false;
#endif
}

#if defined(_OPENMP)
void work_for(double seconds) {
  const double end = seconds_now() + seconds;
  while (seconds_now() < end) {
  }
}

// Seconds that it takes to have all threads begin and to hear of their end, as it is between the
// kernels of a step: by then those that wait awake still are, and others are asleep. Other work of
// the machine can only make it seem longer, hence the lower quartile, and a limit that is about
// what it takes to wake threads from a deep sleep.
double seconds_to_wake(int count) {
  constexpr double kKernel = 3e-5;
  constexpr double kMost = 1e-4;
  std::array<double, 17> seconds{};
  for (double& taken : seconds) {
    work_for(3 * kKernel);
    const double begin = seconds_now();
#pragma omp parallel num_threads(count)
    work_for(kKernel);
    taken = seconds_now() - begin - kKernel;
  }
  const auto quartile = seconds.begin() + seconds.size() / 4;
  std::nth_element(seconds.begin(), quartile, seconds.end());
  return std::min(*quartile, kMost);
}
#else
double seconds_to_wake(int) { return 0; }
#endif

}  // namespace

void set_threads(int count) {
  if (count < 1) fail<ConfigError>("set_threads: at least 1 thread: {}", count);
  setting() = count;
  measured_at = 0;
}

int threads() noexcept { return setting(); }

std::int64_t parallel_cost() {
  if (const std::int64_t given = given_cost) return given;
  if (threads() == 1 || within_a_block()) return kParallelCost;
  constexpr double kValid = 1;  // second, as the load of a machine comes and goes
  const double now = seconds_now();
  double last = measured_at;
  // One thread measures; others go by what was true until now.
  if ((last == 0 || now - last > kValid) && measured_at.compare_exchange_strong(last, now)) {
    measured_cost = internal::break_even(seconds_to_wake(threads()), threads());
  }
  return std::max(kParallelCost, measured_cost.load());
}

void set_parallel_cost(std::int64_t operations) {
  if (operations < kParallelCost) {
    fail<ConfigError>("set_parallel_cost: at least {} operations: {}", kParallelCost, operations);
  }
  given_cost = operations;
}

int threads_for(std::int64_t cost) {
  const bool shared = cost >= kParallelCost && threads() > 1 && !within_a_block();
  return shared && cost >= parallel_cost() ? threads() : 1;
}

namespace internal {

// n threads save 1 - 1/n of the time; waking them may take half of that.
std::int64_t break_even(double seconds_to_wake, int threads) {
  constexpr double kOperationsASecond =
      7e9;  // about what one thread does with what is in its cache
  const double operations = 2 * seconds_to_wake * kOperationsASecond / (1 - 1.0 / threads);
  return std::max(kParallelCost, static_cast<std::int64_t>(operations));
}

void run_blocks(std::int64_t count, std::int64_t cost, BlockFunction run, void* body) {
#if defined(_OPENMP)
  const int used = count > 1 ? threads_for(cost) : 1;
  if (used > 1) {
#pragma omp parallel for schedule(static) num_threads(used)
    for (std::int64_t block = 0; block < count; ++block) run(body, block);
    return;
  }
#endif
  static_cast<void>(cost);
  for (std::int64_t block = 0; block < count; ++block) run(body, block);
}

}  // namespace internal
}  // namespace taskgrad
