// RLW: random loss weights (Lin et al., "Reasonable effectiveness of random weighting: a litmus
// test for multi-task learning", TMLR 2022): w = softmax(z), z from N(0, 1)^K, drawn anew each
// step.
//
// Cost: 1 pass. State: the number of steps, from which z is drawn. The weights sum to 1; public
// code multiplies by K here and there.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <cstdint>

namespace taskgrad {

struct RlwOptions {
  std::uint64_t seed = 0;
};

class Rlw : public Weighting {
 public:
  explicit Rlw(RlwOptions options = {}) : options_(options) {}
  std::string_view name() const override { return "rlw"; }
  void reset() override { steps_ = 0; }

 protected:
  Vec step_weights(const Step& step) override;
  void visit_state(StateFields& fields) override { fields("steps", steps_); }

 private:
  RlwOptions options_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
