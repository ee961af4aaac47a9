// Balancer: what happens between the losses of several tasks and the optimizer.
//
// Three rungs carry most methods: a Weighting gives numbers w_i for sum_i w_i L_i; a Scalarizer
// gives any scalar of the losses, with parameters of its own if it likes; an Aggregator gives
// weights from the Gramian of the task gradients, a RowAggregator a direction from the gradients
// themselves. What fits none derives from Balancer.
//
// A task may be absent from a step (see step.h). A rung hands its methods the present tasks alone:
// they act as if there were no others, and hold what they know of the absent ones.
#pragma once

#include <taskgrad/balancers/state_fields.h>
#include <taskgrad/balancers/step.h>
#include <taskgrad/core/state_dict.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad {

/// The most that a method asks of a Step.
enum class Needs { losses, shared_gradients, second_order };

class Balancer {
 public:
  virtual ~Balancer() = default;

  virtual std::string_view name() const = 0;
  virtual Needs needs() const = 0;
  /// One gradient for every parameter of the model, shared and heads, in its order. The state of
  /// the balancer moves on, unless it throws.
  virtual Gradients backward(Step& step) = 0;

  /// The weights that the next backward() starts from, where the method has such; else empty.
  virtual Vec weights() const { return {}; }

  /// Losses of the same batch after the optimizer step, for methods that want them.
  virtual void after_step(std::span<const double> losses) { static_cast<void>(losses); }
  virtual bool wants_after_step() const { return false; }
  virtual void end_epoch() {}
  /// Whether it asks a Step for further batches.
  virtual bool wants_batches() const { return false; }

  /// All that a continued run needs; load() throws ConfigError before anything changes.
  virtual StateDict state() const;
  virtual void load(const StateDict& state);
  /// Back to the state after construction.
  virtual void reset() {}

 protected:
  /// Names every member of the state; state() and load() follow from it.
  virtual void visit_state(StateFields& fields) { static_cast<void>(fields); }
  /// Throws ConfigError unless the step has as many tasks as the method was made for.
  void check_tasks(const Step& step, int tasks) const;
};

/// sum_i w_i L_i with numbers w_i; one backward pass.
class Weighting : public Balancer {
 public:
  Needs needs() const override { return Needs::losses; }
  Gradients backward(Step& step) final;

 protected:
  /// One weight a task; that of an absent one is not used.
  virtual Vec step_weights(const Step& step) = 0;
};

/// A scalar function of the losses; one backward pass.
class Scalarizer : public Balancer {
 public:
  Needs needs() const override { return Needs::losses; }
  Gradients backward(Step& step) final;

 protected:
  /// `own` are leaves made from own_values(), of the dtype of the losses. Only present tasks have a
  /// loss.
  virtual Var objective(const Step& step, std::span<const Var> own) = 0;
  /// Values of the method's own parameters; empty for none.
  virtual Vec own_values() const { return {}; }
  /// Moves those of the present tasks along, given the objective's gradient in all of them.
  virtual void update_own(const Vec& gradients, const Present& present) {
    static_cast<void>(gradients);
    static_cast<void>(present);
  }
};

/// sum_i a_i g_i over shared parameters with a from the Gramian; K backward passes (short ones and
/// one through the trunk for Scope::representation). Each head gets its own task's gradient.
class Aggregator : public Balancer {
 public:
  Needs needs() const override { return Needs::shared_gradients; }
  Gradients backward(Step& step) final;

  /// The method as a function: a from the Gramian of the present tasks' gradients. Moves the state.
  virtual Vec gramian_weights(const Matrix& gramian, const Present& present) = 0;

 protected:
  virtual Scope scope() const { return Scope::parameters; }
};

/// Any direction for the shared parameters from the rows g_i themselves; K backward passes and a
/// copy of the rows in f64. Each head gets its own task's gradient, times head_weights().
class RowAggregator : public Balancer {
 public:
  Needs needs() const override { return Needs::shared_gradients; }
  Gradients backward(Step& step) final;

  /// The method as a function: [parameters] from the rows [present, parameters]. Moves the state.
  virtual Tensor direction(const Tensor& rows, const Present& present) = 0;

 protected:
  virtual Vec head_weights(const Step& step) const { return Vec(step.tasks(), 1.0); }
};

/// Options by name, as a command line gives them.
using BalancerOptions = std::map<std::string, std::string>;

/// A method by one of balancer_names(). Throws ConfigError naming the valid ones for an unknown
/// name, option or value.
std::unique_ptr<Balancer> make_balancer(std::string_view name, int tasks,
                                        const BalancerOptions& options = {});
std::vector<std::string_view> balancer_names();

}  // namespace taskgrad
