// Directions made non-conflicting by projection on the dual cone of the gradients, the d with
// d.g_i >= 0 for all i.
//
//   DualProj (Lopez-Paz and Ranzato, GEM, NeurIPS 2017):   d = P(mean_i g_i)
//   UPGrad (Quinton and Rey, "Jacobian descent for multi-objective optimization", 2024,
//           arXiv 2406.16232):                             d = mean_i P(g_i)
//
// P(J'u) = J'v with v = argmin over v >= u of v'Mv. For two tasks UPGrad is PCGrad with the mean.
// Where gradients are opposite d = 0. Both are non-conflicting always.
//
// Cost: K passes. No state. TorchJD adds 1e-4 to the diagonal of the trace-normalised Gramian
// before its QP, so its directions may conflict by that much; here nothing is added.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

class UpGrad : public Aggregator {
 public:
  std::string_view name() const override { return "upgrad"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
};

class DualProj : public Aggregator {
 public:
  std::string_view name() const override { return "dual_proj"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
};

}  // namespace taskgrad
