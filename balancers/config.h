// ConFIG: a direction with the same cosine to every task (Liu, Chu and Thuerey, "ConFIG: Towards
// conflict-free training of physics informed neural networks", ICLR 2025).
//
//   u = unit(U^+ 1) with U the rows g_i / |g_i|,    d = (sum_i g_i.u) u
//
// If the unit rows are independent, cos(d, g_i) is one positive number. Where there is no such
// direction (U^+ 1 = 0, as for opposite gradients) d = 0. A zero gradient is left out.
//
// Cost: K passes. No state. The authors' M-ConFIG, which refreshes the momentum of one task a step,
// is not here. Near-dependent rows: eigenvalues of U U' below 1e-12 of the largest count as zero;
// the authors use a least-squares solver with its own threshold.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

class ConFig : public Aggregator {
 public:
  std::string_view name() const override { return "config"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
};

}  // namespace taskgrad
