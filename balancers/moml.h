// MOML: weights that make a look ahead good for every task on other data (Ye et al.,
// "Multi-objective meta learning", NeurIPS 2021), on loss weighting.
//
//   lower level:  theta'(a) = theta - rate grad sum_i a_i L_i(theta)
//   upper level:  the K objectives L_j^val(theta'(a)) in a, descended along MGDA's direction:
//                 G_ji = dL_j^val/da_i = -rate grad L_i(theta) . grad L_j^val(theta')
//                 a <- P(a - weight_lr G'c),  c = argmin over the simplex of |G'c|^2
//   network:      gradient of sum_i a_i L_i at the a of this step
//
// with P the projection on a >= 0, sum a = K. theta' is linear in a, so G is exact; the paper and
// public code differentiate through the inner step. The domain of a, the start at 1 and the
// defaults of the rates are ours (the paper's text was not at hand).
//
// Cost: K passes, K more at the look ahead, and one further batch (StepOptions::batches). State: a.
// A task that is absent from the step keeps its a; one absent from the further batch is no
// objective.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct MomlOptions {
  double weight_lr = 0.1;
  double look_ahead = 1e-2;  ///< rate of the step that is looked at
};

class Moml : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit Moml(int tasks, MomlOptions options = {});
  std::string_view name() const override { return "moml"; }
  Needs needs() const override { return Needs::second_order; }
  bool wants_batches() const override { return true; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = Moml(weights_.size(), options_); }

  /// G, a row for each task that the further batch has; 2 K passes.
  Matrix upper_gradients(Step& step) const;

 protected:
  void visit_state(StateFields& fields) override { fields("weights", weights_); }

 private:
  MomlOptions options_;
  Vec weights_;
};

}  // namespace taskgrad
