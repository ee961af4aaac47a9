// Optimizers: they move a parameter's value, given its gradient.
#pragma once

#include <taskgrad/core/state_dict.h>
#include <taskgrad/nn/parameter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace taskgrad::nn {

/// Holds the parameters and, for each, state by its name.
class Optimizer {
 public:
  explicit Optimizer(std::span<const NamedParameter> parameters);
  virtual ~Optimizer() = default;

  /// One update. Throws ConfigError, before anything changes, unless there is exactly one gradient
  /// a parameter in the order given at construction; ShapeError for one unlike its parameter,
  /// DTypeError when the model was converted since, NumericError for one that is not finite. When
  /// memory runs out, neither the parameters nor the optimizer have changed. A value that nobody
  /// else holds, no graph, variable or tensor, is written in place; others are replaced.
  void step(std::span<const Gradient> gradients);
  virtual StateDict state() const = 0;
  /// Throws ConfigError or ShapeError before anything changes.
  virtual void load(const StateDict& state) = 0;

 protected:
  /// One parameter on its way: packed value and gradient, and the leaf whose value update() writes.
  struct Move {
    Tensor before;  // undefined: next is the parameter's own leaf
    Tensor gradient;
    Var next;
    const Tensor& value() const;
    Tensor& next_value() const;
  };
  /// Throws, if at all, before it changes the optimizer's state or writes a value. What it writes
  /// may be the value that it reads.
  virtual void update(std::span<const Move> moves) = 0;
  std::vector<NamedParameter> parameters_;

 private:
  std::vector<DType> dtypes_;  // of the parameters when the state was made
};

struct SgdOptions {
  double lr = 1e-2;
  double momentum = 0;
  double weight_decay = 0;
};

/// velocity = momentum velocity + gradient + weight_decay value; value -= lr velocity.
class Sgd : public Optimizer {
 public:
  explicit Sgd(std::span<const NamedParameter> parameters, SgdOptions options = {});
  StateDict state() const override;
  void load(const StateDict& state) override;

 private:
  void update(std::span<const Move> moves) override;
  SgdOptions options_;
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< decoupled (AdamW): value -= lr weight_decay value
};

/// Adam (Kingma and Ba, 2015): m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// value -= lr m^ / (sqrt(v^) + epsilon) with m^ = m / (1 - b1^t), v^ = v / (1 - b2^t).
class Adam : public Optimizer {
 public:
  explicit Adam(std::span<const NamedParameter> parameters, AdamOptions options = {});
  StateDict state() const override;
  void load(const StateDict& state) override;

 private:
  void update(std::span<const Move> moves) override;
  AdamOptions options_;
  std::int64_t steps_ = 0;
  std::vector<Tensor> mean_;
  std::vector<Tensor> variance_;
};

}  // namespace taskgrad::nn
