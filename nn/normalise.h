// Normalising layers.
#pragma once

#include <taskgrad/autograd/ops.h>
#include <taskgrad/nn/module.h>

#include <cstdint>

namespace taskgrad::nn {

/// layer_norm over the last axis; weight starts as ones, bias as zeros.
class LayerNorm : public Layer {
 public:
  explicit LayerNorm(std::int64_t features, double epsilon = 1e-5);
  Var operator()(const Var& x) const override;
  void visit(Visitor& visitor) override;

  Parameter weight;
  Parameter bias;

 private:
  double epsilon_;
};

struct BatchNormOptions {
  double momentum = 0.1;  ///< of the new batch in the running statistics
  double epsilon = 1e-5;
};

/// Batch normalisation (Ioffe and Szegedy, 2015) without hidden mutation: a forward pass changes
/// nothing. For training, `normalise` by the batch and give `observe` what it found:
///
///   const BatchNormed batch = norm.normalise(x);
///   norm.observe(batch);
///   ... batch.y ...
///
/// and for evaluation `evaluate` by the running statistics. It is no Layer: within a Sequential
/// nobody could observe.
class BatchNorm : public Module {
 public:
  /// Throws ConfigError unless momentum lies in [0, 1] and epsilon is positive.
  explicit BatchNorm(std::int64_t channels, BatchNormOptions options = {});

  /// By the mean and variance of this batch; see batch_norm.
  BatchNormed normalise(const Var& x) const;
  /// running = (1 - momentum) running + momentum batch.
  void observe(const BatchNormed& batch);
  /// By the running statistics; see batch_norm_eval.
  Var evaluate(const Var& x) const;
  void visit(Visitor& visitor) override;

  /// The running statistics: zeros and ones at first. They are saved with the parameters.
  const Tensor& mean() const { return mean_; }
  const Tensor& variance() const { return variance_; }

  Parameter weight;
  Parameter bias;

 private:
  BatchNormOptions options_;
  Tensor mean_, variance_;
};

}  // namespace taskgrad::nn
