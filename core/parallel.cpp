#include <taskgrad/core/fail.h>
#include <taskgrad/core/parallel.h>

#include <atomic>

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

}  // namespace

void set_threads(int count) {
  if (count < 1) fail<ConfigError>("set_threads: at least 1 thread: {}", count);
  setting() = count;
}

int threads() noexcept { return setting(); }

namespace internal {

void run_blocks(std::int64_t count, std::int64_t cost, BlockFunction run, void* body) {
#if defined(_OPENMP)
  if (count > 1 && cost >= kParallelCost && threads() > 1 && omp_in_parallel() == 0) {
#pragma omp parallel for schedule(static) num_threads(threads())
    for (std::int64_t block = 0; block < count; ++block) run(body, block);
    return;
  }
#endif
  static_cast<void>(cost);
  for (std::int64_t block = 0; block < count; ++block) run(body, block);
}

}  // namespace internal
}  // namespace taskgrad
