// MGDA: the shortest vector in the convex hull of the task gradients (Desideri 2012; Sener and
// Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018).
//
//   a = argmin over the simplex of |sum_i a_i g_i / c_i|^2,   d = sum_i a_i g_i
//
// c_i = 1, |g_i| (l2), L_i (loss) or L_i |g_i| (loss_l2), as in the authors' code, which also
// applies a to the gradients as they are. For two tasks a_1 = clip((m22 - m12) / (m11 + m22 - 2
// m12), 0, 1). With Scope::representation the g_i are taken at the trunk's output: the upper bound
// MGDA-UB.
//
// Cost: K passes; K short ones and one through the trunk for the upper bound. No state. Public
// code: the authors' solver gives 0.999 for 1 at the border and can loop for ever; TorchJD takes
// 100 Frank-Wolfe steps; nash-mtl multiplies by K. Here the minimum is exact (see solvers.h). Heads
// get their own gradient unweighted; the authors' weigh them by a_i as well.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

enum class MgdaNormalization { none, l2, loss, loss_l2 };

struct MgdaOptions {
  MgdaNormalization normalization = MgdaNormalization::none;
  Scope scope = Scope::parameters;
};

class Mgda : public Aggregator {
 public:
  explicit Mgda(MgdaOptions options = {}) : options_(options) {}
  std::string_view name() const override { return "mgda"; }
  /// Throws NumericError for a loss that is not positive, where losses normalise.
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;

 protected:
  Scope scope() const override { return options_.scope; }

 private:
  MgdaOptions options_;
};

}  // namespace taskgrad
