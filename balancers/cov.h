// CoV weighting (Groenendijk et al., "Multi-loss weighting with coefficient of variations", WACV
// 2021): weight a loss by how much its ratio to its own mean varies,
//
//   l_i(t) = L_i(t) / mean_{s < t} L_i(s),   w_i = c_i / sum_j c_j,   c_i = std(l_i) / mean(l_i)
//
// with the statistics of the steps before t; equal weights 1/K in a task's first two steps, and
// where nothing varies. Means are over all steps (the authors' "full"; their decaying ones are not
// here). The authors add 1e-8 to the variance.
//
// Cost: 1 pass. State: count, mean of L, mean and sum of squares of l, for each task; those of an
// absent one stay.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

class Cov : public Weighting {
 public:
  /// Throws ConfigError for fewer than one task.
  explicit Cov(int tasks);
  std::string_view name() const override { return "cov"; }
  void reset() override { *this = Cov(counts_.size()); }

 protected:
  /// Throws NumericError for a loss that is not positive.
  Vec step_weights(const Step& step) override;
  void visit_state(StateFields& fields) override;

 private:
  void observe(int task, double loss);

  Vec counts_;
  Vec mean_loss_;
  Vec mean_ratio_;
  Vec squares_;  // sum of (l - mean l)^2, by Welford's update
};

}  // namespace taskgrad
