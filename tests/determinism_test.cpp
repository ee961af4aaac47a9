// The promise of the README: the same binary, inputs and seed give equal bits for every thread
// count and every run. And what makes it fast: a step that repeats itself asks the system for
// nothing.
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::int64_t> allocations = 0;
}

// Counts what the whole test program takes by new. The aligned forms are the pool's own way to the
// system, counted by memory::stats().
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* block = std::malloc(bytes == 0 ? 1 : bytes)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace taskgrad {
namespace {

// Wide enough that matrix products, elementwise kernels and sums all go to several threads.
class Training {
 public:
  explicit Training(DType dtype, GradNormPath path = GradNormPath::second_order)
      : model_(nn::Sequential(nn::Linear(300, 200), nn::Relu(), nn::Linear(200, 200), nn::Relu()),
               nn::repeat(3, [] { return nn::Linear(200, 150); })),
        balancer_(3, {.path = path}),
        x_(Rng(1).stream("x").uniform({450, 300}, -1, 1, dtype)) {
    model_.to(dtype);
    model_.init(Rng(1).stream("init"));
    optimizer_.emplace_back(model_.all(), nn::AdamOptions{.lr = 1e-3});
    for (std::uint64_t i = 0; i < 3; ++i) {
      const double scale = static_cast<double>(1 + 10 * i);
      targets_.push_back(Rng(1).stream("y").stream(i).uniform({450, 150}, -scale, scale, dtype));
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step step(nn::mse(model_(constant(x_)), targets_), model_);
      optimizer_[0].step(balancer_.backward(step));
    }
  }

  std::uint64_t hash() const {
    std::uint64_t hash = 0;
    for (const auto& [name, parameter] : model_.all()) {
      hash = hash_bits(parameter.value().value(), hash);
    }
    return hash_bits(to_tensor(balancer_.weights()), hash);
  }

 private:
  nn::MultiTask model_;
  GradNorm balancer_;
  std::vector<nn::Adam> optimizer_;
  Tensor x_;
  List<Tensor> targets_;
};

TEST_CASE("determinism: GradNorm training has equal bits on 1, 2, 3 and 8 threads") {
  const int before = threads();
  for (const DType dtype : {DType::f32, DType::f64}) {
    std::uint64_t expected = 0;
    for (const int count : {1, 1, 2, 3, 8}) {
      CAPTURE(count);
      set_threads(count);
      Training training(dtype);
      training.run(5);
      if (expected == 0) expected = training.hash();
      CHECK(training.hash() == expected);
    }
  }
  set_threads(before);
}

TEST_CASE("determinism: the hash sees a single bit") {
  Tensor x = Tensor::from({3}, {1, 2, 3}, DType::f64);
  const std::uint64_t before = hash_bits(x);
  x.mutable_data<double>()[1] = std::nextafter(2.0, 3.0);
  CHECK(hash_bits(x) != before);
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
