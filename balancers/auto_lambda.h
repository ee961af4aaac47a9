// Auto-lambda: weights that make a look ahead good on other data (Liu, James, Davison and Johns,
// "Auto-lambda: Disentangling dynamic task relationships", TMLR 2022).
//
//   theta'(l) = theta - rate grad sum_i l_i L_i(theta)           one step of plain gradient descent
//   l moves by Adam along  d/dl sum_i L_i^val(theta'(l)),        network: gradient of sum_i l_i L_i
//
// over all parameters, heads too. theta' is linear in l, so the derivative is exactly
// -rate grad L_i(theta) . grad L^val(theta'): two first-order gradients. Public code estimates it
// by finite differences at two shifted points. All tasks are primary here. l is kept at or above 0,
// which the public code does not do. The defaults of the rates are ours.
//
// Cost: K + 1 passes and one further batch (StepOptions::batches). State: l and Adam's moments. The
// l of a task that is absent from the step stays.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

namespace taskgrad {

struct AutoLambdaOptions {
  double weight_lr = 1e-2;    ///< of Adam on l
  double look_ahead = 1e-2;   ///< rate of the step that is looked at
  double initial_weight = 1;  ///< of every task
};

class AutoLambda : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit AutoLambda(int tasks, AutoLambdaOptions options = {});
  std::string_view name() const override { return "auto_lambda"; }
  Needs needs() const override { return Needs::second_order; }
  bool wants_batches() const override { return true; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = AutoLambda(weights_.size(), options_); }

  /// The derivative of the validation losses after the look ahead in each weight; K + 1 passes.
  Vec weight_gradients(Step& step) const;

 protected:
  void visit_state(StateFields& fields) override;

 private:
  AutoLambdaOptions options_;
  Vec weights_;
  VecAdam adam_;
};

}  // namespace taskgrad
