// Two scalarizations of positive losses by their logarithms.
//
//   ScaleInvariant:  L = sum_i log L_i                       so w_i = 1 / L_i
//   GLS:             L = (prod_i L_i)^(1/K)                  so w_i = L / (K L_i)
//
// (The former as in Navon et al., ICML 2022; the latter Chennupati et al., "MultiNet++", CVPR
// workshops 2019.) Cost: 1 pass. No state. GLS is computed as exp(mean log L_i): the product itself
// overflows for many tasks. LibMTL logs weights of GLS that are not those of its gradient.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

class ScaleInvariant : public Scalarizer {
 public:
  std::string_view name() const override { return "scale_invariant"; }

 protected:
  /// Throws NumericError for a loss that is not positive.
  Var objective(const Step& step, std::span<const Var> own) override;
};

class Gls : public Scalarizer {
 public:
  std::string_view name() const override { return "gls"; }

 protected:
  /// Throws NumericError for a loss that is not positive.
  Var objective(const Step& step, std::span<const Var> own) override;
};

}  // namespace taskgrad
