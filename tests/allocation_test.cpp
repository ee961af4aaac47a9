// What makes small steps fast: a training step that repeats itself asks the system for nothing. A
// program of its own, because it counts what all of it takes by new.
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include "training.h"

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::int64_t> allocations = 0;
}

// Not inline: g++ would otherwise see free() of what it knows to come from new. The aligned forms
// are the pool's own way to the system, counted by memory::stats().
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* block = operator new(bytes, std::nothrow)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace taskgrad {
namespace {

using test::Training;

TEST_CASE("allocations: they are counted") {
  const std::int64_t before = allocations;
  ::operator delete(::operator new(1));  // a new-expression could be optimised away
  CHECK(allocations == before + 1);
}

TEST_CASE("allocations: a training step in steady state takes nothing from the system") {
  if (!memory::pooled()) {
    MESSAGE("built without the pool: nothing to hold");
    return;
  }
  const int before = threads();
  set_parallel_cost(kParallelCost);  // several threads, however busy the machine
  for (const int count : {1, 2}) {
    set_threads(count);
    for (const GradNormPath path : {GradNormPath::second_order, GradNormPath::closed_form}) {
      Training training(DType::f32, path);
      training.run(3);
      const std::int64_t system = memory::stats().system_allocations;
      const std::int64_t by_new = allocations;
      training.run(20);
      CHECK(memory::stats().system_allocations == system);
      CHECK(allocations == by_new);
    }
  }
  set_threads(before);
}

// What noise cannot move. A change that does says why, and writes the new numbers here.
TEST_CASE("costs: the nodes of a step are as many as they were, its memory within 5 %") {
  const int before_threads = threads();
  set_threads(1);
  struct Cost {
    GradNormPath path;
    std::uint64_t nodes;
    double peak_bytes;
  };
  for (const Cost& expected : {Cost{GradNormPath::second_order, 142, 6.11e6},
                               Cost{GradNormPath::closed_form, 67, 4.46e6}}) {
    Training training(DType::f32, expected.path);
    training.run(3);
    const std::int64_t held = memory::stats().bytes_in_use;
    memory::reset_peak();
    const std::uint64_t before = constant(0, DType::f32).id();
    training.run(1);
    const std::uint64_t nodes = constant(0, DType::f32).id() - before - 1;
    const auto peak = static_cast<double>(memory::stats().peak_bytes - held);
    CHECK(nodes == expected.nodes);
    CHECK(std::abs(peak / expected.peak_bytes - 1) < 0.05);
  }
  set_threads(before_threads);
}

}  // namespace
}  // namespace taskgrad
