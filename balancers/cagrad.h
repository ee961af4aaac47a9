// CAGrad: the best improvement of the worst task near the mean gradient (Liu et al.,
// "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021).
//
//   d = argmax min_i d.g_i  over  |d - g_0| <= c |g_0|,     g_0 = mean_i g_i
//     = g_0 + c |g_0| g_w / |g_w|,   w = argmin over the simplex of g_w.g_0 + c |g_0| |g_w|
//
// then divided by 1 + c^2 or 1 + c (Rescale). c = 0 is the mean gradient, c -> infinity MGDA's
// direction. Where g_w = 0 (a Pareto stationary point, for c >= 1) d = 0.
//
// Cost: K passes. No state. Public code minimises by SLSQP to 1e-8 and fails near Pareto points;
// nash-mtl multiplies by K to match a summed loss. Here the inner problem is solved to rounding.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

enum class Rescale { none, squared, linear };  ///< divide by 1, 1 + c^2, 1 + c

struct CaGradOptions {
  double c = 0.5;  ///< the paper has 0.4 on NYUv2, 0.2 on Cityscapes, 0.5 on its toy
  Rescale rescale = Rescale::squared;
};

class CaGrad : public Aggregator {
 public:
  /// Throws ConfigError for a c that is negative or not finite.
  explicit CaGrad(CaGradOptions options = {});
  std::string_view name() const override { return "cagrad"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;

 private:
  CaGradOptions options_;
};

}  // namespace taskgrad
