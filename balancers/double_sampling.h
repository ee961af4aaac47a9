// Two methods that find weights from the product of Jacobians of independent batches, J_1 J_2',
// whose mean is that of the true gradients; J_1 J_1' would be biased by noise. d uses the step's
// own batch.
//
//   MoDo (Chen et al., "Three-way trade-off in multi-objective learning", NeurIPS 2023):
//     l <- P(l - rate (J_1 J_2' l + rho l)),   d = J'l,   l = 1/K at the start
//   SDMGrad (Xiao, Ban and Ji, "Direction-oriented multi-objective learning", NeurIPS 2023):
//     w = argmin over the simplex of w'Aw/2 + lambda w'A 1/K by projected steps with momentum from
//     1/K, A = J_1 J_2' / scale^2, scale the mean root of A's diagonal (negative entries count 0);
//     d = (J'w + lambda g_0) / (1 + lambda)
//
// with P the projection on the simplex. Cost: 3 K passes, on three batches: the Step must have them
// (StepOptions::batches). State: l for MoDo, none for SDMGrad. A task counts in a step when all
// three batches have it; an absent one keeps its l. Public code: SDMGrad's three gradient buffers
// are one (list multiplication), so that its batches are all the last one; LibMTL's MoDo reuses a
// batch.
#pragma once

#include <taskgrad/balancers/running_rows.h>

namespace taskgrad {

struct MoDoOptions {
  double weight_rate = 0.1;
  double rho = 0.1;
};

class MoDo : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit MoDo(int tasks, MoDoOptions options = {});
  std::string_view name() const override { return "modo"; }
  Needs needs() const override { return Needs::shared_gradients; }
  bool wants_batches() const override { return true; }
  Vec weights() const override { return weights_; }
  Gradients backward(Step& step) override;
  void reset() override { *this = MoDo(weights_.size(), options_); }

 protected:
  void visit_state(StateFields& fields) override { fields("weights", weights_); }

 private:
  MoDoOptions options_;
  Vec weights_;
};

struct SdmGradOptions {
  double lambda = 0.3;
  int iterations = 20;
  double rate = 10;
  double momentum = 0.5;
};

class SdmGrad : public Balancer {
 public:
  /// Throws ConfigError for an option out of range.
  explicit SdmGrad(SdmGradOptions options = {});
  std::string_view name() const override { return "sdmgrad"; }
  Needs needs() const override { return Needs::shared_gradients; }
  bool wants_batches() const override { return true; }
  Gradients backward(Step& step) override;
  /// w from the product of the two Jacobians.
  Vec solve(const Matrix& product) const;

 private:
  SdmGradOptions options_;
};

}  // namespace taskgrad
