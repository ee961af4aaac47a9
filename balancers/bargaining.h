// Nash-MTL (Navon et al., "Multi-task learning as a bargaining game", ICML 2022) and FairGrad (Ban
// and Ji, "Fair resource allocation in multi-task learning", ICML 2024): weights from one equation,
//
//   M w = w^(-1/alpha),  w > 0,      d = sum_i w_i g_i
//
// alpha = 1 for Nash-MTL: w maximises sum_i log d.g_i, and |d|^2 = w'Mw = K always. alpha -> 0
// gives equal weights, alpha -> infinity the max-min direction. For two tasks and alpha = 1, w_i =
// 1 /
// (|g_i| sqrt(1 + cos)). Nash-MTL's direction does not change when a loss is rescaled; scaling all
// losses by s scales FairGrad's w by s^(-2/(1 + 1/alpha)).
//
// At a Pareto stationary point the equation has no solution and d = 0 for the shared parameters; a
// zero gradient has w_i = 0 and the others share as if it were not there.
//
// Cost: K passes. No state. Public code: nash-mtl solves 20 convex-concave steps by ECOS with a
// warm start and swallows failures; it then clips |d| to 1, which with |d| = sqrt(K) always acts.
// FairGrad's authors use scipy's least squares from a uniform start, which fails when norms are far
// apart. Here the root is found by damped Newton on the convex objective it is the minimum of.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct NashMtlOptions {
  double max_norm = 0;  ///< clips |d|; 0: d as it is. The authors' code has 1
};

class NashMtl : public Aggregator {
 public:
  /// Throws ConfigError for a max_norm that is negative or not finite.
  explicit NashMtl(NashMtlOptions options = {});
  std::string_view name() const override { return "nash_mtl"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;

 private:
  NashMtlOptions options_;
};

struct FairGradOptions {
  double alpha = 2;  ///< of alpha-fairness; 2 in all of the authors' scripts
};

class FairGrad : public Aggregator {
 public:
  /// Throws ConfigError for an alpha that is negative or not finite.
  explicit FairGrad(FairGradOptions options = {});
  std::string_view name() const override { return "fairgrad"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;

 private:
  FairGradOptions options_;
};

}  // namespace taskgrad
