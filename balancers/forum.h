// FORUM: first-order multi-objective bilevel optimization by a constraint on the lower level (Ye et
// al., "A first-order multi-gradient algorithm for multi-objective bi-level optimization", ECAI
// 2024), on loss weighting: z = (a, theta),
//
//   upper level:  F_i = L_i^val(theta);   lower level:  f = sum_i a_i L_i(theta)
//   q = f(a, theta) - f(a, theta~),  theta~ after `steps` steps of length `look_ahead` down the
//   gradient of f (a rate would have to know the scale of the losses), held constant:
//       dq/dtheta = grad f,  dq/da_i = L_i(theta) - L_i(theta~)
//   d = sum_i l_i grad F_i + v grad q, with (l, v) the minimum over l in the simplex, v >= 0 of
//       |d|^2 / 2 - v rho |grad q|^2 :  then d.grad F_i >= |d|^2 - v rho |grad q|^2 for each i
//       and d.grad q >= rho |grad q|^2, so q falls while no F_i is given up for another
//   l is averaged over steps: l <- (1 - b) l + b l*, and v = max(0, rho - l.pi) for that l, with
//       pi_i = grad q . grad F_i / |grad q|^2
//   the network takes d's part in theta; a <- P(a - weight_lr d_a), P on a >= 0, sum a = K
//
// The paper's text was not at hand: the scheme is as recalled, and b, rho, the rates, the domain of
// a are ours. No second derivative is needed.
//
// Cost: K + steps passes, one further batch, and the own batch again for each step
// (StepOptions::batches). State: a and l. A task that is absent from either batch keeps its a and
// l.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct ForumOptions {
  double weight_lr = 0.1;
  double look_ahead = 1e-2;  ///< length of the steps on f
  int steps = 2;
  double rho = 0.5;
  double newest = 0.5;  ///< b
};

class Forum : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit Forum(int tasks, ForumOptions options = {});
  std::string_view name() const override { return "forum"; }
  Needs needs() const override { return Needs::second_order; }
  bool wants_batches() const override { return true; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = Forum(weights_.size(), options_); }

  /// argmin over l in the simplex, v >= 0 of |J'l + v q|^2 / 2 - v level, from the Gramian of the
  /// rows of J and, last, q. Returns (l, v).
  static Vec solve(const Matrix& gramian, double level);

 protected:
  void visit_state(StateFields& fields) override;

 private:
  ForumOptions options_;
  Vec weights_;  // a
  Vec shares_;   // l
};

}  // namespace taskgrad
