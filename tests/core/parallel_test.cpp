#include <taskgrad/core/parallel.h>

#include "testing.h"
#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace taskgrad {
namespace {

struct KeepThreads {
  int before = threads();
  ~KeepThreads() { set_threads(before); }
};

TEST_CASE("set_threads: at least one") {
  const KeepThreads keep;
  set_threads(3);
  CHECK(threads() == 3);
  CHECK(testing::text_of<ConfigError>([] { set_threads(0); }) ==
        "set_threads: at least 1 thread: 0");
  CHECK(threads() == 3);
}

TEST_CASE("parallel_blocks: every block exactly once, whatever the threads") {
  const KeepThreads keep;
  for (const int count : {1, 2, 3, 8}) {
    for (const std::int64_t blocks : {0, 1, 2, 7, 100}) {
      for (const std::int64_t cost : {std::int64_t{1}, kParallelCost}) {
        CAPTURE(count);
        CAPTURE(blocks);
        set_threads(count);
        std::vector<int> done(static_cast<std::size_t>(blocks));
        parallel_blocks(blocks, cost,
                        [&](std::int64_t block) { ++done[static_cast<std::size_t>(block)]; });
        CHECK(done == std::vector<int>(static_cast<std::size_t>(blocks), 1));
      }
    }
  }
}

// The threads that run 64 blocks of this cost.
std::size_t threads_used(std::int64_t cost) {
  std::vector<std::thread::id> ids(64);
  parallel_blocks(64, cost, [&](std::int64_t block) {
    ids[static_cast<std::size_t>(block)] = std::this_thread::get_id();
  });
  return std::set(ids.begin(), ids.end()).size();
}

TEST_CASE("parallel_blocks: small work stays on the calling thread") {
  const KeepThreads keep;
  set_threads(4);
  CHECK(threads_used(kParallelCost - 1) == 1);
  CHECK(threads_used(kParallelCost) == 4);
  set_threads(1);
  CHECK(threads_used(kParallelCost) == 1);
}

TEST_CASE("set_parallel_cost: work below stays on the calling thread") {
  const KeepThreads keep;
  set_threads(4);
  const std::int64_t before = parallel_cost();
  set_parallel_cost(10 * kParallelCost);
  CHECK(threads_used(10 * kParallelCost - 1) == 1);
  CHECK(threads_used(10 * kParallelCost) == 4);
  CHECK(threads_for(10 * kParallelCost - 1) == 1);
  CHECK(threads_for(10 * kParallelCost) == 4);
  CHECK(testing::text_of<ConfigError>([] { set_parallel_cost(kParallelCost - 1); }) ==
        "set_parallel_cost: at least 65536 operations: 65535");
  CHECK(parallel_cost() == 10 * kParallelCost);
  set_parallel_cost(before);
}

TEST_CASE("break_even: twice what is lost, where it is more than the least") {
  CHECK(internal::break_even(0, 2) == kParallelCost);
  const auto cost = [](double seconds, int count) {
    return static_cast<double>(internal::break_even(seconds, count));
  };
  CHECK(cost(1e-3, 2) == doctest::Approx(28e6));  // 7 million are lost, half of the work is saved
  CHECK(cost(3e-3, 4) == doctest::Approx(56e6));
}

TEST_CASE("parallel_blocks: a block within a block is serial") {
  const KeepThreads keep;
  set_threads(4);
  std::atomic<int> most = 0;
  parallel_blocks(8, kParallelCost, [&](std::int64_t) {
    const auto used = static_cast<int>(threads_used(kParallelCost));
    int seen = most;
    while (seen < used && !most.compare_exchange_weak(seen, used)) {
    }
  });
  CHECK(most == 1);
}

}  // namespace
}  // namespace taskgrad
