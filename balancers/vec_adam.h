// Adam in f64 for a handful of numbers, such as the weights of tasks.
#pragma once

#include <taskgrad/balancers/vec.h>
#include <taskgrad/core/state_dict.h>

#include <cstdint>
#include <span>
#include <string>

namespace taskgrad {

/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x -= lr m^ / (sqrt(v^) + epsilon), without
/// weight decay. The moments belong to the optimizer: changing x between steps (a clamp, a
/// renormalisation) leaves them. Each number has its own count t of updates, so that one that is
/// left out of a step (an absent task) is as if the step had not been.
class VecAdam {
 public:
  VecAdam(int size, double lr) : lr_(lr), steps_(size), mean_(size), variance_(size) {}
  void step(Vec& values, const Vec& gradients);
  /// Moves only the numbers at the given places.
  void step(Vec& values, const Vec& gradients, std::span<const int> places);
  /// The most updates that any number had.
  std::int64_t steps() const;
  const Vec& mean() const { return mean_; }

  void save(StateDict& state, const std::string& prefix) const;
  void load(const StateDict& state, const std::string& prefix);

 private:
  double lr_;
  Vec steps_;
  Vec mean_;
  Vec variance_;
};

}  // namespace taskgrad
