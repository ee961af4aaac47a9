// DTP: dynamic task prioritization (Guo et al., "Dynamic task prioritization for multitask
// learning", ECCV 2018): the harder a task by its key metric, the larger its weight,
//
//   w_i = -(1 - k_i)^gamma log k_i,    k_i a running mean of the task's key metric in [0, 1].
//
// The paper's metrics are accuracies. For losses in general there is none, so the key metric here
// is ours: k_i = 1 - min(1, L_i / L_i(0)), the share of the first loss that is gone, or what the
// caller report()s for a task. It is kept within [0.1, 0.99], as public code does: w is infinite at
// k = 0. The paper's focal weights of single samples are not here. w is a number: nothing is
// differentiated through k.
//
// Cost: 1 pass. State: k and L(0); those of an absent task stay.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct DtpOptions {
  double gamma = 1;
  double newest = 0.1;  ///< share of the newest metric in the running mean
};

class Dtp : public Weighting {
 public:
  /// Throws ConfigError for fewer than one task, a negative gamma or a share outside (0, 1].
  explicit Dtp(int tasks, DtpOptions options = {});
  std::string_view name() const override { return "dtp"; }
  Vec weights() const override;
  /// A key metric in [0, 1] for one task, in place of ours for its next step. Throws ConfigError.
  void report(int task, double metric);
  void reset() override { *this = Dtp(metric_.size(), options_); }

 protected:
  Vec step_weights(const Step& step) override;
  void visit_state(StateFields& fields) override;

 private:
  DtpOptions options_;
  Vec metric_;
  Vec initial_;   // 0 while a task has had no loss
  Vec reported_;  // -1 for none
};

}  // namespace taskgrad
