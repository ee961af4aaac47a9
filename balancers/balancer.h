// Balancer: what happens between the losses of several tasks and the optimizer.
//
// Three rungs carry most methods: a Weighting gives numbers w_i for sum_i w_i L_i; a Scalarizer
// gives any scalar of the losses, with parameters of its own if it likes; an Aggregator gives
// weights from the Gramian of the task gradients. What fits none derives from Balancer.
#pragma once

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

  /// All that a continued run needs; load() throws ConfigError before anything changes.
  virtual StateDict state() const { return {}; }
  virtual void load(const StateDict& state);
  /// Back to the state after construction.
  virtual void reset() {}
};

/// sum_i w_i L_i with numbers w_i; one backward pass.
class Weighting : public Balancer {
 public:
  Needs needs() const override { return Needs::losses; }
  Gradients backward(Step& step) final;

 protected:
  virtual Vec step_weights(const Step& step) = 0;
};

/// A scalar function of the losses; one backward pass.
class Scalarizer : public Balancer {
 public:
  Needs needs() const override { return Needs::losses; }
  Gradients backward(Step& step) final;

 protected:
  /// `own` are leaves made from own_values(), of the dtype of the losses.
  virtual Var objective(const Step& step, std::span<const Var> own) = 0;
  /// Values of the method's own parameters; empty for none.
  virtual Vec own_values() const { return {}; }
  /// Moves them along, given the objective's gradient in them.
  virtual void update_own(const Vec& gradients) { static_cast<void>(gradients); }
};

/// sum_i a_i g_i over shared parameters with a from the Gramian; K backward passes. Each head gets
/// its own task's gradient.
class Aggregator : public Balancer {
 public:
  Needs needs() const override { return Needs::shared_gradients; }
  Gradients backward(Step& step) final;

 protected:
  virtual Vec gramian_weights(const Matrix& gramian) = 0;
};

/// Options by name, as a command line gives them.
using BalancerOptions = std::map<std::string, std::string>;

/// A method by name: "equal", "static", "uncertainty", "gradnorm". Throws ConfigError naming the
/// valid ones for an unknown name, option or value.
std::unique_ptr<Balancer> make_balancer(std::string_view name, int tasks,
                                        const BalancerOptions& options = {});
std::vector<std::string_view> balancer_names();

}  // namespace taskgrad
