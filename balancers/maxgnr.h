// MaxGNR: weights that maximise each task's gradient-to-noise ratio. A RECONSTRUCTION: of the paper
// (Fan et al., "MaxGNR: A dynamic weight strategy via maximizing gradient-to-noise ratio for
// multi-task learning", 2023, arXiv 2302.09352) only the definitions in its abstract were at hand:
// inter-task gradient noise, a ratio of gradient to noise for each task, weights that maximise it.
// Formula, objective over tasks and averaging here are ours.
//
// With m_i the running mean of task i's shared gradient, M the Gramian of the m_i and Q the running
// mean of the Gramian,
//
//   GNR_i(w) = w_i^2 M_ii / ( w_i^2 (Q_ii - M_ii) + sum_{j,k != i} w_j w_k Q_jk )
//   w > 0, sum_i w_i = K, maximises sum_i log GNR_i
//
// the signal of task i over its own noise and the others' gradients. For two tasks (w_1/w_2)^2 =
// sqrt( (Q_22 - M_22) Q_22 / ((Q_11 - M_11) Q_11) ). A task without noise makes the maximum
// degenerate: w stays as it is until every present task has some.
//
// Cost: K passes. State: m (K vectors like the shared parameters), Q, w, which pairs were seen.
// Means start at their first value. What belongs to an absent task stays.
#pragma once

#include <taskgrad/balancers/running_rows.h>

namespace taskgrad {

struct MaxGnrOptions {
  double momentum = 0.9;  ///< of the running means
};

class MaxGnr : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or a momentum outside [0, 1).
  explicit MaxGnr(int tasks, MaxGnrOptions options = {});
  std::string_view name() const override { return "maxgnr"; }
  Needs needs() const override { return Needs::shared_gradients; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = MaxGnr(weights_.size(), options_); }

  /// The weights from M and Q, which sum to their number; found from `start` and from equal
  /// weighted norms, the better of the two.
  static Vec maximize(const Matrix& means, const Matrix& squares, const Vec& start);
  /// sum_i log GNR_i(w).
  static double objective(const Matrix& means, const Matrix& squares, const Vec& w);

 protected:
  void visit_state(StateFields& fields) override;

 private:
  MaxGnrOptions options_;
  Vec weights_;
  Matrix squares_;  // Q
  Matrix seen_;     // 1 for a pair that was in a step
  RunningRows means_;
};

}  // namespace taskgrad
