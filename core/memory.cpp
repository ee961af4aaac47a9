#include <taskgrad/core/memory.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <new>

namespace taskgrad::memory {
namespace {

#if defined(TASKGRAD_POOL)
constexpr bool kPooled = true;
#else
constexpr bool kPooled = false;  // every block from the system, for sanitizers
#endif

constexpr std::size_t kAlignment = 64;
constexpr int kSmallestClass = 6;  // 64 B
constexpr int kLargestClass = 20;  // 1 MiB
constexpr std::size_t kClasses = kLargestClass - kSmallestClass + 1;
constexpr std::int64_t kLargeCap = std::int64_t{512} << 20;  // cached bytes above 1 MiB a block

// A block while it waits in a list; written into the block itself.
struct FreeBlock {
  FreeBlock* next;
  std::size_t bytes;
};

std::size_t class_of(std::size_t bytes) {
  const int log2 = bytes <= 64 ? kSmallestClass : static_cast<int>(std::bit_width(bytes - 1));
  return static_cast<std::size_t>(log2 - kSmallestClass);
}

std::size_t rounded(std::size_t bytes) {
  if (!kPooled) return bytes;  // a sanitizer sees the end of a block only where it really ends
  const std::size_t index = class_of(bytes);
  if (index < kClasses) return std::size_t{1} << (index + kSmallestClass);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

struct Lists {
  std::array<FreeBlock*, kClasses> small{};
  FreeBlock* large = nullptr;
  std::int64_t large_bytes = 0;

  void* take(std::size_t bytes) {
    const std::size_t index = class_of(bytes);
    FreeBlock** link = index < kClasses ? &small[index] : &large;
    while (*link != nullptr && (*link)->bytes != bytes) link = &(*link)->next;
    FreeBlock* block = *link;
    if (block == nullptr) return nullptr;
    *link = block->next;
    if (index >= kClasses) large_bytes -= static_cast<std::int64_t>(bytes);
    return block;
  }

  // False when the block should go back to the system.
  bool put(void* memory, std::size_t bytes) {
    const std::size_t index = class_of(bytes);
    if (index >= kClasses) {
      if (large_bytes + static_cast<std::int64_t>(bytes) > kLargeCap) return false;
      large_bytes += static_cast<std::int64_t>(bytes);
    }
    FreeBlock*& head = index < kClasses ? small[index] : large;
    head = new (memory) FreeBlock{head, bytes};
    return true;
  }

  template <class F>
  void drain(F&& f) {
    const auto drain_list = [&](FreeBlock*& head) {
      while (head != nullptr) {
        FreeBlock* block = head;
        head = block->next;
        f(block, block->bytes);
      }
    };
    for (FreeBlock*& head : small) drain_list(head);
    drain_list(large);
    large_bytes = 0;
  }
};

void* from_system(std::size_t bytes) {
  return ::operator new (bytes, std::align_val_t{kAlignment});
}
void to_system(void* block) noexcept { ::operator delete (block, std::align_val_t{kAlignment}); }

// Blocks of threads that have ended. Never destroyed, so that a static Var may outlive main.
struct Stock {
  std::mutex mutex;
  Lists lists;
};
Stock& stock() {
  static Stock* const instance = new Stock;
  return *instance;
}

// Trivially destructible on purpose: usable while the other statics of a thread are torn down.
struct ThreadPool {
  Lists lists;
  Stats stats;
  bool ended;
};
thread_local constinit ThreadPool pool{};

// Hands the lists over when the thread ends.
struct Handover {
  ~Handover() {
    const std::lock_guard lock(stock().mutex);
    pool.lists.drain([](void* block, std::size_t bytes) {
      if (!stock().lists.put(block, bytes)) to_system(block);
    });
    pool.stats.cached_bytes = 0;
    pool.ended = true;
  }
};

void* refill(std::size_t bytes) {
  if (kPooled) {
    const std::lock_guard lock(stock().mutex);
    if (void* block = stock().lists.take(bytes)) return block;
  }
  void* block = from_system(bytes);
  ++pool.stats.system_allocations;
  return block;
}

// Keeps a block for later. False when it should go back to the system.
bool keep(void* block, std::size_t bytes) {
  static thread_local const Handover handover;
  return !pool.ended && pool.lists.put(block, bytes);
}

}  // namespace

void* allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  void* block = pool.lists.take(size);
  if (block != nullptr) {
    pool.stats.cached_bytes -= static_cast<std::int64_t>(size);
  } else {
    block = refill(size);
  }
  pool.stats.bytes_in_use += static_cast<std::int64_t>(bytes);
  pool.stats.peak_bytes = std::max(pool.stats.peak_bytes, pool.stats.bytes_in_use);
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  const std::size_t size = rounded(bytes);
  pool.stats.bytes_in_use -= static_cast<std::int64_t>(bytes);
  if (kPooled && keep(block, size)) {
    pool.stats.cached_bytes += static_cast<std::int64_t>(size);
  } else {
    to_system(block);
  }
}

Stats stats() noexcept { return pool.stats; }

bool pooled() noexcept {
#if defined(TASKGRAD_POOL)
  return true;
#else
  return false;
#endif
}

void reset_peak() noexcept { pool.stats.peak_bytes = pool.stats.bytes_in_use; }

void trim() noexcept {
  pool.lists.drain([](void* block, std::size_t) { to_system(block); });
  pool.stats.cached_bytes = 0;
}

}  // namespace taskgrad::memory
