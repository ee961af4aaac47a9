// How public implementations of GradNorm depart from the paper, one departure at a time. Each
// variant is the library's GradNorm but for that one rule, so what differs between two runs has one
// cause. Rebuilt from descriptions of published code; most of that code has several departures at
// once.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace taskgrad::toy {

/// One departure. See balancers/gradnorm.h for the rule departed from.
struct Departure {
  enum class Update {
    log_adam,    ///< as the library: Adam on log w, then sum w = K
    fresh_adam,  ///< a new Adam at every step: its state is lost, so that each step is lr * sign
    softmax,     ///< w = K softmax(s), Adam on s, nothing to renormalise
    linear_sgd,  ///< plain steps on w along a mean in place of the sum, clamped *after* sum w = K
  };

  std::string_view name;
  std::string_view rule;  ///< what is done in place of the paper's rule, in a few words
  Update update = Update::log_adam;
  bool reversed_alpha = false;    ///< target_i = mean(G) r_i^-alpha: the slow task is held back
  bool weighted_ratios = false;   ///< L_i/L_i(0) of w_i L_i
  bool common_target = false;     ///< target_i = mean(G) mean_j(L_j/L_j(0))^alpha for every task
  bool late_initial = false;      ///< L_i(0) is overwritten at each step of the first epoch
  bool polluted = false;          ///< the network is trained on sum_i w_i L_i + L_grad
  bool unweighted_heads = false;  ///< w_i acts on the shared layers alone
  bool sum_of_one = false;        ///< sum w = 1 in place of K
  bool rare_renormalise = false;  ///< sum w = K only at the end of an epoch
};

/// All that are known here, by name.
std::span<const Departure> departures();

/// GradNorm with one departure. Cost: 1 + K passes; one more where heads are unweighted.
class GradNormVariant : public Balancer {
 public:
  GradNormVariant(int tasks, const Departure& departure, double alpha, double weight_lr);

  std::string_view name() const override { return departure_.name; }
  Needs needs() const override { return Needs::second_order; }
  /// Throws ConfigError when a task is absent, NumericError when a norm is not finite.
  Gradients backward(Step& step) override;
  Vec weights() const override { return w_; }
  void end_epoch() override;

 protected:
  void visit_state(StateFields& fields) override;

 private:
  Vec targets(const Step& step, const Vec& norms);
  void move(const Vec& slopes);
  void renormalise();
  double total() const { return departure_.sum_of_one ? 1 : w_.size(); }

  Departure departure_;
  double alpha_, weight_lr_;
  Vec w_, initial_, scores_;
  VecAdam adam_;
  std::int64_t epochs_ = 0;
};

/// The variant of that name; null if there is none.
std::unique_ptr<Balancer> make_variant(std::string_view name, int tasks, double alpha,
                                       double weight_lr);

}  // namespace taskgrad::toy
