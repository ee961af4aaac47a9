// Weights that never move: equal ones, and given ones.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

/// w_i = 1. Cost: 1 pass; no state.
class Equal : public Weighting {
 public:
  explicit Equal(int tasks) : weights_(tasks, 1.0) {}
  std::string_view name() const override { return "equal"; }
  Vec weights() const override { return weights_; }

 protected:
  Vec step_weights(const Step&) override { return weights_; }

 private:
  Vec weights_;
};

/// Given weights, used as they are. Cost: 1 pass; no state.
class Static : public Weighting {
 public:
  /// Throws ConfigError for a weight that is negative or not finite.
  explicit Static(Vec weights);
  std::string_view name() const override { return "static"; }
  Vec weights() const override { return weights_; }

 protected:
  Vec step_weights(const Step&) override { return weights_; }

 private:
  Vec weights_;
};

}  // namespace taskgrad
