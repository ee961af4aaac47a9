// Step: one training step as a balancer sees it.
#pragma once

#include <taskgrad/balancers/vec.h>
#include <taskgrad/nn/multi_task.h>

#include <span>

namespace taskgrad {

using nn::Gradient;
using nn::Gradients;

/// The losses of one batch, and what can be computed from them. Everything is computed on first
/// request, kept, and counted: a balancer pays for what it asks for.
///
/// Holds a reference to the model, and the leaves that its parameters have at construction:
/// gradients are in those, also when an optimizer has replaced them since.
class Step {
 public:
  /// Throws ConfigError unless there is one scalar loss a task, NumericError when one is NaN or
  /// infinite,
  /// GraphError when one is not recorded (made under NoGrad, or a constant).
  Step(List<Var> losses, const nn::MultiTask& model);
  Step(List<Var> losses, const nn::MultiTask&& model) = delete;  // it would not outlive the line

  int tasks() const { return static_cast<int>(losses_.size()); }
  const Var& loss(int task) const { return losses_[static_cast<std::size_t>(task)]; }
  /// The losses as numbers.
  const Vec& values() const { return values_; }
  DType dtype() const { return losses_[0].dtype(); }
  const nn::MultiTask& model() const { return model_; }

  /// The leaves of GradNorm's W.
  const List<Var>& anchor() const { return anchor_; }
  /// Gradients of any objective in all parameters of the model; one backward pass.
  Gradients of(const Var& objective);
  /// The same, and into `own_gradients` the gradients in leaves of the balancer's own.
  Gradients of(const Var& objective, std::span<const Var> own, List<Tensor>& own_gradients);

  /// Gradients of each loss: row i over the shared parameters, head i's own behind it.
  /// K backward passes, once.
  const List<Gradients>& jacobian();
  /// J J' over the shared parameters, in f64.
  const Matrix& gramian();
  /// sum_i shared_weights[i] g_i for the shared parameters, head_weights[i] times its own gradient
  /// for head i.
  Gradients combine(const Vec& shared_weights, const Vec& head_weights);

  /// Passes over the graph that were paid so far.
  int backward_passes() const { return backward_passes_; }
  /// Counts passes that a balancer made by calling grad() itself.
  void count_backward(int passes) { backward_passes_ += passes; }

 private:
  List<Var> losses_;
  const nn::MultiTask& model_;
  List<Var> leaves_;  // of all parameters, in the order of the model
  List<Var> anchor_;
  Vec values_;
  List<Gradients> jacobian_;
  Matrix gramian_;
  int backward_passes_ = 0;
};

}  // namespace taskgrad
