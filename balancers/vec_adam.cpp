#include <taskgrad/balancers/vec_adam.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

void VecAdam::step(Vec& values, const Vec& gradients) {
  ++steps_;
  const double first = 1 - std::pow(kBeta1, static_cast<double>(steps_));
  const double second = 1 - std::pow(kBeta2, static_cast<double>(steps_));
  for (int i = 0; i < values.size(); ++i) {
    const double g = gradients[i];
    mean_[i] = kBeta1 * mean_[i] + (1 - kBeta1) * g;
    variance_[i] = kBeta2 * variance_[i] + (1 - kBeta2) * g * g;
    values[i] -= lr_ * (mean_[i] / first) / (std::sqrt(variance_[i] / second) + kEpsilon);
  }
}

void VecAdam::save(StateDict& state, const std::string& prefix) const {
  state.tensors[prefix + "steps"] = Tensor::scalar(static_cast<double>(steps_), DType::f64);
  state.tensors[prefix + "mean"] = to_tensor(mean_);
  state.tensors[prefix + "variance"] = to_tensor(variance_);
}

void VecAdam::load(const StateDict& state, const std::string& prefix) {
  const Shape shape{mean_.size()};
  const double steps = required(state, prefix + "steps", {}, "VecAdam::load").item();
  if (!(steps >= 0) || steps != std::floor(steps)) {
    fail<ConfigError>("VecAdam::load: the number of steps is whole and not negative: {}", steps);
  }
  Vec mean = to_vec(required(state, prefix + "mean", shape, "VecAdam::load"));
  variance_ = to_vec(required(state, prefix + "variance", shape, "VecAdam::load"));
  mean_ = std::move(mean);
  steps_ = std::llround(steps);
}

}  // namespace taskgrad
