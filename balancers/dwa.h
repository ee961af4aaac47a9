// DWA: dynamic weight average (Liu, Johns and Davison, "End-to-end multi-task learning with
// attention", CVPR 2019): more weight to losses that fall slowly,
//
//   w = K softmax(r / T),    r_i = L_i(e - 1) / L_i(e - 2)
//
// with means over the last two whole epochs; w = 1 until there are two. The caller says where an
// epoch ends by end_epoch(). The size of losses or gradients has no influence, and for two tasks w
// barely leaves 1. nash-mtl takes windows of 25 steps and the mean of w_i L_i.
//
// Cost: 1 pass. State: sums of the running epoch and the two means. A task that is absent for a
// whole epoch keeps its means, and counts as r = 1 while it has not had two.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct DwaOptions {
  double temperature = 2;
};

class Dwa : public Weighting {
 public:
  /// Throws ConfigError for fewer than one task or a temperature that is not positive.
  explicit Dwa(int tasks, DwaOptions options = {});
  std::string_view name() const override { return "dwa"; }
  Vec weights() const override;
  void end_epoch() override;
  void reset() override { *this = Dwa(sums_.size(), options_); }

 protected:
  Vec step_weights(const Step& step) override;
  void visit_state(StateFields& fields) override;

 private:
  Vec weights_of(std::span<const int> tasks) const;

  DwaOptions options_;
  Vec sums_;
  Vec counts_;
  Vec last_;    // mean of the last epoch; 0 for none
  Vec before_;  // and of the one before it
};

}  // namespace taskgrad
