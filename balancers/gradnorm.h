// GradNorm: weights that make the tasks train at similar rates (Chen, Badrinarayanan, Lee and
// Rabinovich, "GradNorm: Gradient normalization for adaptive loss balancing in deep multitask
// networks", ICML 2018, arXiv 1711.02257, section 3 and algorithm 1).
//
// With W the anchor of the model, each step at weights w and L_i(0) the losses of the first batch:
//
//   G_i      = || grad_W (w_i L_i) ||_2           norm of the weighted task's gradient
//   r_i      = (L_i / L_i(0)) / mean_j (L_j / L_j(0))   relative inverse training rate
//   target_i = mean_j(G_j) r_i^alpha              held constant
//   L_grad   = sum_i | G_i - target_i |           differentiated in w alone
//
// The network takes the gradient of sum_i w_i L_i at this step's weights, shared layers and heads
// alike; w moves by Adam along dL_grad/dw and is then renormalised to sum_i w_i = K. The network
// never sees L_grad.
//
// Cost: 1 + K passes, K of them from a head to W only, and for `second_order` one more through
// those. Where the step has the trunk's output, the K passes also give what the heads need and the
// last one goes through the trunk alone. State: w, L(0), Adam's moments. A task that is absent from
// a step keeps its weight and takes no part in the means; the others are renormalised to what it
// leaves of K.
//
// What the paper leaves open is an option. Published implementations differ from it in the sign of
// alpha, in a mean for the sum, in weighted losses for the ratio, in network gradients polluted by
// L_grad, and in renormalising before the clamp; tests/balancers/gradnorm_pitfalls_test.cpp has
// a case for each.
#pragma once

#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/vec_adam.h>

#include <span>
#include <string_view>

namespace taskgrad {

/// How dL_grad/dw is found: through the graph of the gradients, as the paper writes it, or from
/// d||w_i g_i||/dw_i = ||g_i|| for w_i > 0, which is the same number.
enum class GradNormPath { second_order, closed_form };

/// What Adam moves: w itself, then raised to a floor, or log w, which stays positive by itself and
/// can settle at any scale.
enum class WeightForm { linear, log };

struct GradNormOptions {
  double alpha = 1.5;        ///< strength of the pull to equal rates; the paper's toy uses 0.12
  double weight_lr = 0.025;  ///< of Adam on the weights
  GradNormPath path = GradNormPath::second_order;
  WeightForm weight_form = WeightForm::log;
  double min_weight = 1e-4;  ///< floor of the linear form, before renormalising
  Vec initial_losses = {};   ///< L_i(0), if not those of the first batch (such as log C)
};

class GradNorm : public Balancer {
 public:
  /// Throws ConfigError for fewer than one task or an option out of range.
  explicit GradNorm(int tasks, GradNormOptions options = {});

  std::string_view name() const override { return "gradnorm"; }
  Needs needs() const override { return Needs::second_order; }
  /// Throws NumericError, with the weights as they were, when an initial loss is not positive or a
  /// norm is not finite.
  Gradients backward(Step& step) override;
  Vec weights() const override { return w_; }
  StateDict state() const override;
  void load(const StateDict& state) override;
  void reset() override;

  /// The quantities of the algorithm at the weights of one step.
  struct Observation {
    Vec weights;
    Vec norms;  ///< G_i
    Vec rates;  ///< r_i
    Vec targets;
    Vec weight_gradients;  ///< dL_grad/dw_i
  };
  /// What the last backward() saw.
  const Observation& last() const { return last_; }
  /// What backward() would see, without moving anything; by the closed form, K passes.
  Observation observe(Step& step) const;

 private:
  // What the K passes of the weighted losses leave for the update: a row a task, at the trunk's
  // output and in its head's parameters, if the step has the former; the sums over the tasks at W.
  struct Passed {
    List<List<Tensor>> rows;
    List<Tensor> anchor;
    void add(std::span<const Var> anchor_gradients);
  };
  Observation differentiate(Step& step, Passed& passed) const;
  Observation observe(Step& step, Passed* passed) const;
  Observation compare(const Step& step, Vec norms) const;
  Vec initial_losses(const Step& step) const;
  Vec moved(VecAdam& adam, const Vec& gradients, std::span<const int> tasks) const;

  GradNormOptions options_;
  Vec w_;
  Vec initial_;
  VecAdam adam_;
  Observation last_;
};

}  // namespace taskgrad
