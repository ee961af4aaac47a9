// MoCo: multi-objective gradient correction (Fernando et al., "Mitigating gradient bias in
// multi-objective learning", ICLR 2023): weights from tracked gradients, so that noise does not
// bias them. At step k = 1, 2, ...
//
//   Y <- Y - b_k (Y - J),    l <- P(l - c_k (Y Y' + rho I) l),    d = Y'l
//
// with b_k = b / sqrt k, c_k = c / sqrt k, P the projection on the simplex, Y = 0 and l = 1/K at
// the start. LibMTL replaces P by a softmax, which keeps l near 1/K, and rescales each gradient to
// the length of its loss.
//
// Cost: K passes. State: Y (K vectors like the shared parameters), l, k. An absent task keeps its
// row of Y and its l; the others share what it leaves of the sum.
#pragma once

#include <taskgrad/balancers/running_rows.h>

#include <cstdint>

namespace taskgrad {

struct MoCoOptions {
  double tracking_rate = 0.5;  ///< b
  double weight_rate = 0.1;    ///< c
  double rho = 0;
};

class MoCo : public RowAggregator {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit MoCo(int tasks, MoCoOptions options = {});
  std::string_view name() const override { return "moco"; }
  Vec weights() const override { return weights_; }
  Tensor direction(const Tensor& rows, const Present& present) override;
  void reset() override { *this = MoCo(weights_.size(), options_); }

 protected:
  void visit_state(StateFields& fields) override;

 private:
  MoCoOptions options_;
  Vec weights_;
  RunningRows tracked_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
