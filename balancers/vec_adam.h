// Adam in f64 for a handful of numbers, such as the weights of tasks.
#pragma once

#include <taskgrad/balancers/vec.h>
#include <taskgrad/core/state_dict.h>

#include <cstdint>
#include <string>

namespace taskgrad {

/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x -= lr m^ / (sqrt(v^) + epsilon), without
/// weight decay. The moments belong to the optimizer: changing x between steps (a clamp, a
/// renormalisation) leaves them.
class VecAdam {
 public:
  VecAdam(int size, double lr) : lr_(lr), mean_(size), variance_(size) {}
  void step(Vec& values, const Vec& gradients);
  std::int64_t steps() const { return steps_; }
  const Vec& mean() const { return mean_; }

  void save(StateDict& state, const std::string& prefix) const;
  void load(const StateDict& state, const std::string& prefix);

 private:
  double lr_;
  std::int64_t steps_ = 0;
  Vec mean_;
  Vec variance_;
};

}  // namespace taskgrad
