#include <taskgrad/core/memory.h>

#include "testing.h"
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace taskgrad::memory {
namespace {

// The pool can be built out, for sanitizers; then blocks come from the system each time.
bool pooled() {
  deallocate(allocate(64), 64);
  return stats().cached_bytes > 0;
}

#if defined(TASKGRAD_POOL)
TEST_CASE("memory: the pool is there when it was built in") { CHECK(pooled()); }
#endif

const std::size_t kSizes[] = {0, 1, 63, 64, 65, 1000, 4096, 1 << 20, (1 << 20) + 1, 3'000'000};

TEST_CASE("memory: blocks are aligned, apart and as long as asked for") {
  std::vector<void*> blocks;
  for (const std::size_t size : kSizes) {
    void* block = allocate(size);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, static_cast<int>(blocks.size()), size);
    blocks.push_back(block);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i]);
    if (kSizes[i] > 0) CHECK(bytes[0] == i);
    if (kSizes[i] > 0) CHECK(bytes[kSizes[i] - 1] == i);
    deallocate(blocks[i], kSizes[i]);
  }
  deallocate(nullptr, 0);
}

TEST_CASE("memory: the second allocation of a size takes nothing from the system") {
  if (!pooled()) return;
  for (const std::size_t size : kSizes) {
    CAPTURE(size);
    deallocate(allocate(size), size);
    const Stats before = stats();
    void* block = allocate(size);
    CHECK(stats().system_allocations == before.system_allocations);
    CHECK(stats().cached_bytes < before.cached_bytes);
    deallocate(block, size);
    CHECK(stats().cached_bytes == before.cached_bytes);
  }
  trim();
}

TEST_CASE("memory: small sizes share powers of two, large ones must be exact") {
  if (!pooled()) return;
  trim();
  const auto is_reused = [](std::size_t first, std::size_t second) {
    deallocate(allocate(first), first);
    const std::int64_t before = stats().system_allocations;
    deallocate(allocate(second), second);
    const bool reused = stats().system_allocations == before;
    trim();
    return reused;
  };
  CHECK(is_reused(65, 128));
  CHECK_FALSE(is_reused(64, 65));
  CHECK(is_reused(3'000'000, 3'000'000));
  CHECK_FALSE(is_reused(3'000'000, 2'000'000));
}

TEST_CASE("memory: bytes in use and their peak are those asked for") {
  const std::int64_t base = stats().bytes_in_use;
  reset_peak();
  void* a = allocate(100);
  void* b = allocate(2'000'000);
  deallocate(b, 2'000'000);
  deallocate(allocate(10), 10);
  CHECK(stats().bytes_in_use == base + 100);
  CHECK(stats().peak_bytes == base + 2'000'100);
  reset_peak();
  CHECK(stats().peak_bytes == base + 100);
  deallocate(a, 100);
  CHECK(stats().bytes_in_use == base);
}

TEST_CASE("memory: trim gives back what is cached and nothing else") {
  void* kept = allocate(100);
  std::memset(kept, 7, 100);
  deallocate(allocate(100), 100);
  trim();
  CHECK(stats().cached_bytes == 0);
  CHECK(static_cast<const unsigned char*>(kept)[99] == 7);
  deallocate(kept, 100);
}

TEST_CASE("memory: large blocks are cached up to 512 MiB") {
  if (!pooled()) return;
  trim();
  constexpr std::size_t kSize = std::size_t{300} << 20;
  void* a = allocate(kSize);
  void* b = allocate(kSize);
  deallocate(a, kSize);
  deallocate(b, kSize);
  CHECK(stats().cached_bytes == kSize);
  trim();
}

TEST_CASE(
    "memory: a block may be freed on another thread, which joins its lists to the common stock") {
  constexpr std::size_t kSize = 700'000;
  trim();
  void* block = allocate(kSize);
  std::int64_t in_use_there = 0;
  std::thread([&] {
    deallocate(block, kSize);  // all this thread ever does with memory
    in_use_there = stats().bytes_in_use;
  }).join();
  CHECK(in_use_there == -static_cast<std::int64_t>(kSize));  // counts are those of a thread
  if (pooled()) {
    const std::int64_t before = stats().system_allocations;
    void* again = allocate(kSize);
    CHECK(again == block);
    CHECK(stats().system_allocations == before);
    deallocate(again, kSize);
  }
  trim();
}

TEST_CASE("memory: List is a vector in the pool") {
  const std::int64_t base = stats().bytes_in_use;
  {
    List<double> list(100, 1.5);
    CHECK(stats().bytes_in_use == base + 800);
    List<double> other = list;
    other.push_back(2.5);
    CHECK(other.size() == 101);
    CHECK(other[99] == 1.5);
    list = std::move(other);
    CHECK(list[100] == 2.5);
  }
  CHECK(stats().bytes_in_use == base);
}

}  // namespace
}  // namespace taskgrad::memory
