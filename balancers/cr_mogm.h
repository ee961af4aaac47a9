// CR-MOGM: smooth the weights of any Gramian method over time (Zhou et al., "On the convergence of
// stochastic multi-objective gradient manipulation and beyond", NeurIPS 2022).
//
//   l <- momentum l + (1 - momentum) w(M),     d = sum_i l_i g_i,     l = 1/K at the start
//
// Cost: that of the method inside. State: l, and the inner method's. An absent task keeps its l.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <memory>

namespace taskgrad {

struct CrMogmOptions {
  double momentum = 0.9;
};

class CrMogm : public Aggregator {
 public:
  /// Throws ConfigError for fewer than one task, no inner method or a momentum outside [0, 1).
  CrMogm(int tasks, std::unique_ptr<Aggregator> inner, CrMogmOptions options = {});
  std::string_view name() const override { return "cr_mogm"; }
  Vec weights() const override { return smoothed_; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
  StateDict state() const override;
  void load(const StateDict& state) override;
  void reset() override;

 private:
  CrMogmOptions options_;
  std::unique_ptr<Aggregator> inner_;
  Vec smoothed_;
};

}  // namespace taskgrad
