// Step: one training step as a balancer sees it.
#pragma once

#include <taskgrad/balancers/vec.h>
#include <taskgrad/nn/multi_task.h>

#include <functional>
#include <span>

namespace taskgrad {

using nn::Gradient;
using nn::Gradients;

/// Where the gradients of tasks are compared: in the shared parameters, or in the output of the
/// trunk, which is cheaper and bounds the former (Sener and Koltun 2018, section 3.3).
enum class Scope { parameters, representation };

/// The tasks that have a loss in a step, in ascending order, and those losses in the same order.
struct Present {
  List<int> tasks;
  Vec losses;
  int count() const { return static_cast<int>(tasks.size()); }
};

/// What only some methods ask of a step.
struct StepOptions {
  /// The output of the trunk that the losses were made from, for Scope::representation; they depend
  /// on the trunk's parameters through it alone. GradNorm then goes through each head once instead
  /// of twice.
  Var representation = {};
  /// Losses at the values that the model's parameters have when it is called, for methods that want
  /// independent batches or a look ahead: of this step's own batch for k = 0, of the k-th further
  /// one for k = 1, 2, ...
  std::function<List<Var>(int k)> batches = {};
};

/// The losses of one batch, and what can be computed from them. Everything is computed on first
/// request, kept, and counted: a balancer pays for what it asks for.
///
/// A task without a label in the batch is absent: its loss is an undefined Var, its value NaN, and
/// its gradients are zero. A method works on the tasks that are present as if there were no others,
/// and what it holds for an absent one stays as it is.
///
/// Holds a reference to the model, and the leaves that its parameters have at construction:
/// gradients are in those, also when an optimizer has replaced them since.
class Step {
 public:
  /// Throws ConfigError unless there is one loss a task, each a scalar or undefined and not all
  /// undefined, NumericError when one is NaN or infinite, GraphError when one is not recorded (made
  /// under NoGrad, or a constant).
  Step(List<Var> losses, const nn::MultiTask& model, StepOptions options = {});
  Step(List<Var> losses, const nn::MultiTask&& model,
       StepOptions options = {}) = delete;  // it would not outlive the line

  int tasks() const { return static_cast<int>(losses_.size()); }
  bool is_present(int task) const { return loss(task).defined(); }
  const Present& present() const { return present_; }
  const Var& loss(int task) const { return losses_[static_cast<std::size_t>(task)]; }
  /// The losses as numbers.
  const Vec& values() const { return values_; }
  DType dtype() const { return loss(present_.tasks[0]).dtype(); }
  const nn::MultiTask& model() const { return model_; }
  /// The output of the trunk; undefined if it was not given.
  const Var& representation() const { return options_.representation; }
  /// The leaves of a task's head.
  std::span<const Var> head(int task) const;
  /// sum_i weights[i] L_i over the present tasks.
  Var weighted(const Vec& weights) const;

  /// The leaves of GradNorm's W.
  const List<Var>& anchor() const { return anchor_; }
  /// Gradients of any objective in all parameters of the model; one backward pass.
  Gradients of(const Var& objective);
  /// The same, and into `own_gradients` the gradients in leaves of the balancer's own.
  Gradients of(const Var& objective, std::span<const Var> own, List<Tensor>& own_gradients);

  /// Gradients of each loss: row i over the shared parameters (or of the representation alone),
  /// head i's own behind it; empty for an absent task. A backward pass for each, once; from the
  /// heads to the trunk's output only for Scope::representation. Throws ConfigError if that was not
  /// given.
  const List<List<Tensor>>& jacobian(Scope scope = Scope::parameters);
  /// J J' over the shared parameters or the representation, in f64.
  const Matrix& gramian(Scope scope = Scope::parameters);
  /// sum_i shared_weights[i] g_i for the shared parameters, head_weights[i] times its own gradient
  /// for head i. Costs one pass through the trunk for Scope::representation.
  Gradients combine(const Vec& shared_weights, const Vec& head_weights,
                    Scope scope = Scope::parameters);
  /// The same with rows that the caller found, like those of jacobian(Scope::representation). If it
  /// knows the gradients of the result at the anchor as well, they are not computed again; throws
  /// ConfigError unless there are none of them or all.
  Gradients pass_down(const List<List<Tensor>>& rows, const Vec& shared_weights,
                      const Vec& head_weights, List<Tensor> anchor = {});
  /// The shared gradients of the present tasks as one matrix [present, parameters] in f64.
  Tensor rows();
  /// `direction` [parameters] for the shared parameters, heads as in combine().
  Gradients assemble(const Tensor& direction, const Vec& head_weights);

  /// A step of batch k of StepOptions::batches, at the values that the model's parameters have now.
  /// Throws ConfigError if that was not given.
  Step batch(int k) const;
  bool has_batches() const { return static_cast<bool>(options_.batches); }

  /// Passes over the graph that were paid so far.
  int backward_passes() const { return backward_passes_; }
  /// Counts passes that a balancer made by calling grad() itself.
  void count_backward(int passes) { backward_passes_ += passes; }

 private:
  struct Rows {
    List<List<Tensor>> gradients;
    std::size_t shared = 0;  // tensors of a row that belong to the Gramian
    Matrix gramian;
  };
  Rows& rows_of(Scope scope);
  Gradients with_heads(List<Tensor> shared, const List<List<Tensor>>& rows, std::size_t begin,
                       const Vec& head_weights) const;

  List<Var> losses_;
  const nn::MultiTask& model_;
  StepOptions options_;
  List<Var> leaves_;  // of all parameters, in the order of the model
  List<Var> anchor_;
  Vec values_;
  Present present_;
  Rows parameters_;
  Rows representation_;
  int backward_passes_ = 0;
};

}  // namespace taskgrad
