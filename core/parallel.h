// Threads. Work is cut into blocks that depend on its shape only; threads decide who does a block,
// never what a block is, so results have equal bits for every thread count.
#pragma once

#include <cstdint>

namespace taskgrad {

/// Threads that kernels may use from now on; at least 1. Throws ConfigError otherwise. Work that
/// costs less than parallel_cost() stays on the calling thread whatever this says. Default: what
/// OpenMP offers (OMP_NUM_THREADS).
void set_threads(int count);
int threads() noexcept;

/// Elements an elementwise block has: a multiple of every SIMD packet, so that which elements take
/// the packet path and which the tail does not depend on the number of threads.
inline constexpr std::int64_t kBlock = 16'384;

/// Work below this many element operations is never worth waking a thread for.
inline constexpr std::int64_t kParallelCost = 65'536;

/// Work below this many element operations stays on the calling thread: what several threads would
/// save is less than it takes to wake them. How long that takes on this machine, with its load and
/// its wait policy, is measured when work of kParallelCost meets several threads, once a second and
/// within three milliseconds, and again after set_threads(); operations count as 7e9 a second. No
/// result depends on it.
std::int64_t parallel_cost();
/// Sets it for good, to at least kParallelCost; throws ConfigError otherwise. For tests, which must
/// not depend on how busy the machine is.
void set_parallel_cost(std::int64_t operations);

/// The threads that parallel_blocks() would use for work of this cost: for kernels that need memory
/// or make copies for each of them.
int threads_for(std::int64_t cost);

namespace internal {
using BlockFunction = void (*)(void* body, std::int64_t block);
void run_blocks(std::int64_t count, std::int64_t cost, BlockFunction run, void* body);
std::int64_t break_even(double seconds_to_wake, int threads);
}  // namespace internal

/// Calls `body(block)` for each block in [0, count), on several threads if `cost`, the element
/// operations of all blocks together, makes it worth it. `body` must not throw or allocate.
template <class Body>
void parallel_blocks(std::int64_t count, std::int64_t cost, Body&& body) {
  internal::run_blocks(
      count, cost, [](void* erased, std::int64_t block) { (*static_cast<Body*>(erased))(block); },
      &body);
}

}  // namespace taskgrad
