// Uncertainty weighting (Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh
// losses", CVPR 2018): learn s_i = log sigma_i^2 along with the network, in
//
//   regression:      L = sum_i ( exp(-s_i) L_i + s_i ) / 2     so w_i = exp(-s_i) / 2
//   classification:  L = sum_i   exp(-s_i) L_i + s_i / 2       so w_i = exp(-s_i)
//
// with s_i = 0 at the start. For a fixed network both have their minimum at w_i = 1 / (2 L_i). The
// weights are not normalised.
//
// Cost: 1 pass. State: s and Adam's moments. Public code differs in the start of s (0 or -0.5), in
// factors of 2 (exp(-s) L + s, 2 exp(-s) L + s), and in whether s shares the network's optimizer;
// here s has an Adam of its own. The s of an absent task stays.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

namespace taskgrad {

enum class UncertaintyForm { regression, classification };

struct UncertaintyOptions {
  double weight_lr = 0.025;  ///< of Adam on s
  double initial_log_variance = 0;
  UncertaintyForm form = UncertaintyForm::regression;
};

class Uncertainty : public Scalarizer {
 public:
  explicit Uncertainty(int tasks, UncertaintyOptions options = {});
  std::string_view name() const override { return "uncertainty"; }
  Vec weights() const override;
  void reset() override;

 protected:
  Var objective(const Step& step, std::span<const Var> own) override;
  Vec own_values() const override { return log_variance_; }
  void update_own(const Vec& gradients, const Present& present) override;
  void visit_state(StateFields& fields) override;

 private:
  double scale() const { return options_.form == UncertaintyForm::regression ? 0.5 : 1.0; }

  UncertaintyOptions options_;
  Vec log_variance_;
  VecAdam adam_;
};

}  // namespace taskgrad
