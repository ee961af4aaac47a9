// Replaces the program's operator new, in all its forms, by one that can be told to fail, and
// counts the blocks that are out. For one source file of a program.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace failing_new {

enum class Kind { one, all_from };

inline std::atomic<std::int64_t> live = 0;
inline std::atomic<std::int64_t> left = 0;  // allocations until the one that fails; 0: none does
inline std::atomic<bool> all_from = false;
inline std::atomic<bool> failed = false;

inline std::int64_t live_blocks() { return live; }

/// The n-th allocation from now on fails, on whatever thread; of Kind::all_from each one after it.
inline void arm(int n, Kind kind) {
  all_from = kind == Kind::all_from;
  failed = false;
  left = n;
}

/// Back to allocations that succeed. Whether any has failed.
inline bool disarm() {
  left = 0;
  all_from = false;
  return failed;
}

inline bool now() {
  if (left > 0 && --left == 0)
    failed = true;
  else if (!(failed && all_from))
    return false;
  return true;
}

// Not inline: g++ would otherwise see free() of what it knows to come from new.
[[gnu::noinline]] inline void* take(std::size_t bytes, std::size_t alignment) noexcept {
  if (now()) return nullptr;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const block = alignment <= alignof(std::max_align_t)
                          ? std::malloc(bytes == 0 ? 1 : bytes)
                          : std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (block != nullptr) ++live;
  return block;
}

[[gnu::noinline]] inline void give(void* block) noexcept {
  if (block != nullptr) --live;
  std::free(block);
}

}  // namespace failing_new

// Those for arrays as well: a sanitizer's runtime has its own, which do not call these.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return failing_new::take(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return failing_new::take(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes) {
  if (void* block = operator new(bytes, std::nothrow)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* block = operator new(bytes, alignment, std::nothrow)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& nothrow) noexcept {
  return operator new(bytes, nothrow);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t& nothrow) noexcept {
  return operator new(bytes, alignment, nothrow);
}

using failing_new::give;
void operator delete(void* block) noexcept { give(block); }
void operator delete(void* block, std::size_t) noexcept { give(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { give(block); }
void operator delete(void* block, std::align_val_t) noexcept { give(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { give(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept { give(block); }
void operator delete[](void* block) noexcept { give(block); }
void operator delete[](void* block, std::size_t) noexcept { give(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { give(block); }
void operator delete[](void* block, std::align_val_t) noexcept { give(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { give(block); }
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  give(block);
}
