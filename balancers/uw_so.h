// UW-SO: soft optimal uncertainty weighting (Kirchdorfer et al., "Analytical uncertainty-based loss
// weighting in multi-task learning", 2024, arXiv 2408.07985): the weights that uncertainty
// weighting would end at, through a softmax,
//
//   w = softmax((1 / L_i) / T),     1 / L_i held constant.
//
// Cost: 1 pass. No state. T is to be tuned; the formula is known here from summaries of the paper.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct UwSoOptions {
  double temperature = 1;
};

class UwSo : public Weighting {
 public:
  /// Throws ConfigError for a temperature that is not positive.
  explicit UwSo(UwSoOptions options = {});
  std::string_view name() const override { return "uw_so"; }

 protected:
  /// Throws NumericError for a loss that is not positive.
  Vec step_weights(const Step& step) override;

 private:
  UwSoOptions options_;
};

}  // namespace taskgrad
