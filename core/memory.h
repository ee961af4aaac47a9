// The allocator below tensors, graph nodes and the small lists of a training step.
//
// Each thread keeps free lists by size: powers of two from 64 B to 1 MiB, exact sizes above. A step
// that repeats itself therefore takes nothing from the system after the first time. A block freed
// on another thread joins that thread's lists; at thread exit the lists go to a common stock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taskgrad::memory {

/// Counts of the calling thread.
struct Stats {
  std::int64_t bytes_in_use = 0;        ///< handed out and not yet given back, as requested
  std::int64_t peak_bytes = 0;          ///< largest bytes_in_use since start or reset_peak()
  std::int64_t cached_bytes = 0;        ///< held in the free lists
  std::int64_t system_allocations = 0;  ///< blocks ever asked of the system
};

/// A block aligned to 64 bytes. Throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// Gives back a block of `allocate(bytes)`; null is allowed.
void deallocate(void* block, std::size_t bytes) noexcept;

Stats stats() noexcept;
/// Whether the library was built with the pool (TASKGRAD_POOL); without it each block is the
/// system's, for sanitizers to see.
bool pooled() noexcept;
void reset_peak() noexcept;
/// Returns the calling thread's cached blocks to the system.
void trim() noexcept;

/// The pool behind a standard container.
template <class T>
struct Allocator {
  using value_type = T;
  Allocator() = default;
  template <class U>
  Allocator(const Allocator<U>&) {}  // NOLINT: implicit by the allocator requirements

  T* allocate(std::size_t count) { return static_cast<T*>(memory::allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept {
    memory::deallocate(block, count * sizeof(T));
  }
  friend bool operator==(const Allocator&, const Allocator&) { return true; }
};

}  // namespace taskgrad::memory

namespace taskgrad {

/// A std::vector whose storage comes from the pool; used wherever a list is made every step.
template <class T>
using List = std::vector<T, memory::Allocator<T>>;

}  // namespace taskgrad
