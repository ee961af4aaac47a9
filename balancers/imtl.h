// IMTL, impartial multi-task learning (Liu et al., "Towards impartial multi-task learning", ICLR
// 2021), in its three forms.
//
//   IMTL-L:  L = sum_i e^{s_i} L_i - s_i, s learnt along with the network: losses of one scale
//   IMTL-G:  d = sum_i a_i g_i with sum a = 1 and d.g_i / |g_i| equal for all i
//   IMTL:    IMTL-G on the gradients of the scaled losses e^{s_i} L_i; heads get those
//
// IMTL-L is twice uncertainty weighting with the sign of s turned; exactly minimised in s it is
// sum_i log L_i. IMTL-G: M a is proportional to |g|, by the pseudo-inverse on rows of unit length,
// so that dependent gradients are allowed; the a_i may be negative. For two tasks a = (|g_2|,
// |g_1|) /
// (|g_1| + |g_2|). A zero gradient has a_i = 0; where the equations have no solution with sum a = 1
// (opposite gradients) a_i is proportional to 1/|g_i|.
//
// Cost: 1 pass for IMTL-L, K for the others. State: s and Adam's moments, none for IMTL-G. Public
// code: nash-mtl adds 1e-8 I to the matrix, LibMTL inverts it as it is.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

namespace taskgrad {

struct ImtlOptions {
  double weight_lr = 0.025;  ///< of Adam on s, which starts at 0
};

class ImtlL : public Scalarizer {
 public:
  explicit ImtlL(int tasks, ImtlOptions options = {});
  std::string_view name() const override { return "imtl_l"; }
  Vec weights() const override { return exp(s_); }
  void reset() override { *this = ImtlL(s_.size(), options_); }

 protected:
  Var objective(const Step& step, std::span<const Var> own) override;
  Vec own_values() const override { return s_; }
  void update_own(const Vec& gradients, const Present& present) override;
  void visit_state(StateFields& fields) override;

 private:
  ImtlOptions options_;
  Vec s_;
  VecAdam adam_;
};

class ImtlG : public Aggregator {
 public:
  std::string_view name() const override { return "imtl_g"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
};

class Imtl : public Balancer {
 public:
  explicit Imtl(int tasks, ImtlOptions options = {});
  std::string_view name() const override { return "imtl"; }
  Needs needs() const override { return Needs::shared_gradients; }
  Gradients backward(Step& step) override;
  /// The scales e^{s_i} of the losses.
  Vec weights() const override { return exp(s_); }
  void reset() override { *this = Imtl(s_.size(), options_); }

 protected:
  void visit_state(StateFields& fields) override;

 private:
  ImtlOptions options_;
  Vec s_;
  VecAdam adam_;
};

}  // namespace taskgrad
