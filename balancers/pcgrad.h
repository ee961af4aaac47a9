// PCGrad: project each task's gradient off those it conflicts with (Yu et al., "Gradient surgery
// for multi-task learning", NeurIPS 2020, algorithm 1).
//
//   g_i' = g_i;  for j != i in random order:  if g_i'.g_j < 0:  g_i' -= (g_i'.g_j / |g_j|^2) g_j
//   d = sum_i g_i'                    (or their mean)
//
// with g_j the original gradients. For two tasks d = (1 - min(0, m12)/m11) g_1 + (1 - min(0,
// m12)/m22) g_2. Only inner products appear, so the work is done on the Gramian.
//
// Cost: K passes. State: the number of steps, from which the orders are drawn. Public code: the
// authors' draws one order for all tasks and does not use it; LibMTL adds 1e-8 to |g_j|^2; the sum
// and the mean, a factor of K in the step, are both found. Here a zero g_j conflicts with nothing.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/nn/loss.h>

#include <cstdint>

namespace taskgrad {

struct PcGradOptions {
  nn::Reduction reduction = nn::Reduction::sum;
  std::uint64_t seed = 0;
};

class PcGrad : public Aggregator {
 public:
  explicit PcGrad(PcGradOptions options = {}) : options_(options) {}
  std::string_view name() const override { return "pcgrad"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
  void reset() override { steps_ = 0; }

 protected:
  void visit_state(StateFields& fields) override { fields("steps", steps_); }

 private:
  PcGradOptions options_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
