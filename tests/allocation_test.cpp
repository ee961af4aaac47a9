// What makes small steps fast: a training step that repeats itself asks the system for nothing. A
// program of its own, because it counts what all of it takes by new.
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>

#include "training.h"

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>
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

}  // namespace
}  // namespace taskgrad
