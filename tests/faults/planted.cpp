// One deliberate defect, named by the argument, for a tool to catch. They go through tensors and
// kernels where they can, so that what hides a defect from the tool (a pool, rounded sizes, a
// runtime that it does not understand) would show here.
#include <taskgrad/core/parallel.h>
#include <taskgrad/core/tensor.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <thread>

namespace taskgrad {
namespace {

volatile double seen = 0;
volatile int number = 0;

Tensor ones() { return Tensor::full({4}, 1, DType::f64); }

void overflow() {
  const Tensor x = ones();
  seen = x.data<double>()[x.size()];
}

void use_after_free() {
  Tensor x = ones();
  const double* const data = x.data<double>();
  x = Tensor();
  seen = data[0];
}

// Out of line, so that no register or stack slot of main still holds the pointer.
[[gnu::noinline]] void leak() {
  auto* const handle = new Tensor(ones());
  seen = *handle->data<double>();
}

void signed_overflow() {
  number = std::numeric_limits<int>::max();
  number = number + 1;
}

void shift() {
  number = 40;
  number = 1 << number;
}

void uninitialised() {
  const Tensor x = Tensor::empty({}, DType::f64);
  if (x.item() > 0) number = 1;
}

// A body that writes outside of its own block.
void openmp_race() {
  set_threads(2);
  set_parallel_cost(kParallelCost);
  double total = 0;
  parallel_blocks(2, kParallelCost,
                  [&](std::int64_t block) { total += static_cast<double>(block); });
  seen = total;
}

// Counts of handles are not atomic: a tensor belongs to one thread at a time.
void thread_race() {
  const Tensor x = ones();
  const auto share = [&x] {
    for (int i = 0; i < 1'000; ++i) const Tensor handle = x;
  };
  std::thread other(share);
  share();
  other.join();
}

const std::map<std::string, std::function<void()>> kDefects{
    {"none", [] { seen = *ones().data<double>(); }},
    {"overflow", overflow},
    {"use_after_free", use_after_free},
    {"leak", leak},
    {"signed_overflow", signed_overflow},
    {"shift", shift},
    {"uninitialised", uninitialised},
    {"openmp_race", openmp_race},
    {"thread_race", thread_race},
};

}  // namespace
}  // namespace taskgrad

int main(int count, char** arguments) {
  const auto found = taskgrad::kDefects.find(count == 2 ? arguments[1] : "");
  if (found == taskgrad::kDefects.end()) {
    std::fputs("planted DEFECT\n", stderr);
    return 0;  // which no test takes for a report
  }
  found->second();
}
