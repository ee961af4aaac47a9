// FAMO: decrease all losses at the same rate, with one pass (Liu et al., "FAMO: Fast adaptive
// multitask optimization", NeurIPS 2023, algorithm 1).
//
//   model:    gradient of c sum_i z_i log(L_i - b_i + 1e-8),  z = softmax(xi),
//             1/c = sum_i z_i / (L_i - b_i + 1e-8), both held constant
//   weights:  delta_i = log(L_i - b_i) before the step - after it, on the same batch;
//             xi moves by Adam along z (delta - z.delta) + gamma xi
//
// so the model's gradient is a convex combination of the g_i, and a task that fell more than the
// others loses weight. b_i are lower bounds of the losses.
//
// Cost: 1 pass and the losses again after the step: call after_step() with them (NaN for an absent
// task); without it the weights stay. State: xi and Adam's moments; save it after after_step(). An
// absent task is left out of the softmax and its xi stays. The default gamma differs in public code
// (1e-3 in the paper, 1e-5 and 1e-2 in the authors' files); LibMTL keeps the losses' graph alive
// between steps.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

namespace taskgrad {

struct FamoOptions {
  double weight_lr = 0.025;  ///< of Adam on xi
  double gamma = 1e-3;       ///< pull of xi to 0
  Vec lower_bounds = {};     ///< b_i; zeros when empty
};

class Famo : public Scalarizer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit Famo(int tasks, FamoOptions options = {});
  std::string_view name() const override { return "famo"; }
  /// z.
  Vec weights() const override { return softmax(xi_); }
  bool wants_after_step() const override { return true; }
  void after_step(std::span<const double> losses) override;
  void reset() override { *this = Famo(xi_.size(), options_); }

 protected:
  /// Throws NumericError for a loss that is not above its bound.
  Var objective(const Step& step, std::span<const Var> own) override;
  void visit_state(StateFields& fields) override;

 private:
  double log_above(int task, double loss) const;

  FamoOptions options_;
  Vec xi_;
  VecAdam adam_;
  List<int> stepped_;  // tasks of the last objective, and their logarithms in it
  Vec logs_;
};

}  // namespace taskgrad
