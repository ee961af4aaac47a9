// Uncertainty weighting (Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh
// losses", CVPR 2018): learn s_i = log sigma_i^2 along with the network, in
//
//   L = sum_i ( exp(-s_i) L_i + s_i ) / 2          so w_i = exp(-s_i) / 2, s_i = 0 at the start.
//
// For a fixed network its minimum is at w_i = 1 / (2 L_i). The weights are not normalised.
//
// Cost: 1 pass. State: s and Adam's moments. Public code differs in the start of s (0 or -0.5) and
// in whether s shares the network's optimizer; here s has an Adam of its own.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

namespace taskgrad {

struct UncertaintyOptions {
  double weight_lr = 0.025;  ///< of Adam on s
  double initial_log_variance = 0;
};

class Uncertainty : public Scalarizer {
 public:
  explicit Uncertainty(int tasks, UncertaintyOptions options = {});
  std::string_view name() const override { return "uncertainty"; }
  Vec weights() const override;
  StateDict state() const override;
  void load(const StateDict& state) override;
  void reset() override;

 protected:
  Var objective(const Step& step, std::span<const Var> own) override;
  Vec own_values() const override { return log_variance_; }
  void update_own(const Vec& gradients) override;

 private:
  UncertaintyOptions options_;
  Vec log_variance_;
  VecAdam adam_;
};

}  // namespace taskgrad
