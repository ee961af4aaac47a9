// STCH: smooth Tchebycheff scalarization (Lin et al., "Smooth Tchebycheff scalarization for
// multi-objective optimization", ICML 2024), as its authors use it for multi-task learning:
//
//   L = K mu log sum_i exp( log(L_i / n_i) / mu )
//
// with n_i, the nadir, the mean loss of the warm-up; during the warm-up L = sum_i log L_i. mu -> 0
// gives K max_i log(L_i / n_i). The largest term is subtracted before exp.
//
// Cost: 1 pass. State: number of warm-up steps and mean losses in them, for each task. The paper's
// warm-up is 4 epochs, of which the last gives n; here it is a number of steps, all of which do. A
// task still in its warm-up adds log L_i. LibMTL multiplies by K, as here.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct StchOptions {
  double mu = 1;
  int warmup_steps = 100;
};

class Stch : public Scalarizer {
 public:
  /// Throws ConfigError for fewer than one task, a mu that is not positive or no warm-up step.
  explicit Stch(int tasks, StchOptions options = {});
  std::string_view name() const override { return "stch"; }
  void reset() override { *this = Stch(counts_.size(), options_); }

 protected:
  /// Throws NumericError for a loss that is not positive.
  Var objective(const Step& step, std::span<const Var> own) override;
  void visit_state(StateFields& fields) override;

 private:
  StchOptions options_;
  Vec counts_;
  Vec nadir_;
};

}  // namespace taskgrad
