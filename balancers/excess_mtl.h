// ExcessMTL: weight tasks by an estimate of their excess risk, which label noise does not enter (He
// et al., "Robust multi-task learning with excess risks", ICML 2024).
//
//   S_i += g_i^2 (elementwise),   e_i = sum of g_i^2 / sqrt(S_i + 1e-7)
//   w_i <- w_i exp(rate e_i / e_i(0)),  then  sum_i w_i = K
//
// for shared parameters and heads alike, with e_i(0) the first estimate of the task. The step uses
// the new weights. Public code: rates from 1e-2 (LibMTL) to 1 (TorchJD); the paper warms up for
// three epochs with equal weights, here warmup_steps of each task.
//
// Cost: K passes. State: S (K vectors like the shared parameters), w, e(0), counts. An absent task
// keeps all of them; the others share what it leaves of K.
#pragma once

#include <taskgrad/balancers/running_rows.h>

namespace taskgrad {

struct ExcessMtlOptions {
  double rate = 1e-2;
  int warmup_steps = 0;
};

class ExcessMtl : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit ExcessMtl(int tasks, ExcessMtlOptions options = {});
  std::string_view name() const override { return "excess_mtl"; }
  Needs needs() const override { return Needs::shared_gradients; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = ExcessMtl(weights_.size(), options_); }

 protected:
  void visit_state(StateFields& fields) override;

 private:
  ExcessMtlOptions options_;
  Vec weights_;
  Vec initial_;  // e_i(0); 0 while there is none
  Vec counts_;
  RunningRows squares_;
};

}  // namespace taskgrad
