// A GradNorm training: two layers, and a head a task.
#pragma once

#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>

#include <cstdint>
#include <optional>

namespace taskgrad::test {

// By default so wide that matrix products, elementwise kernels and sums all go to several threads,
// after set_parallel_cost(kParallelCost).
struct TrainingSizes {
  std::int64_t batch = 450, inputs = 300, width = 200, outputs = 150;
};

class Training {
 public:
  explicit Training(DType dtype, GradNormPath path = GradNormPath::second_order,
                    const TrainingSizes& sizes = {})
      : model_(nn::Sequential(nn::Linear(sizes.inputs, sizes.width), nn::Relu(),
                              nn::Linear(sizes.width, sizes.width), nn::Relu()),
               nn::repeat(3, [&] { return nn::Linear(sizes.width, sizes.outputs); })),
        balancer_(3, {.path = path}),
        x_(Rng(1).stream("x").uniform({sizes.batch, sizes.inputs}, -1, 1, dtype)) {
    model_.to(dtype);
    model_.init(Rng(1).stream("init"));
    optimizer_.emplace(model_.all(), nn::AdamOptions{.lr = 1e-3});
    for (std::uint64_t i = 0; i < 3; ++i) {
      const double scale = static_cast<double>(1 + 10 * i);
      targets_.push_back(
          Rng(1).stream("y").stream(i).uniform({sizes.batch, sizes.outputs}, -scale, scale, dtype));
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const Gradients gradients = backward();
      optimizer_->step(gradients);  // in place: the graph is gone
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
  Gradients backward() {
    const Var z = model_.represent(constant(x_));
    Step step(nn::mse(model_.predict(z), targets_), model_, {.representation = z});
    return balancer_.backward(step);
  }

  nn::MultiTask model_;
  GradNorm balancer_;
  std::optional<nn::Adam> optimizer_;
  Tensor x_;
  List<Tensor> targets_;
};

}  // namespace taskgrad::test
