#include <taskgrad/balancers/vec_adam.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taskgrad {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

void VecAdam::step(Vec& values, const Vec& gradients) {
  List<int> all(static_cast<std::size_t>(values.size()));
  std::iota(all.begin(), all.end(), 0);
  step(values, gradients, all);
}

void VecAdam::step(Vec& values, const Vec& gradients, std::span<const int> places) {
  for (const int i : places) {
    const double t = ++steps_[i];
    const double g = gradients[i];
    mean_[i] = kBeta1 * mean_[i] + (1 - kBeta1) * g;
    variance_[i] = kBeta2 * variance_[i] + (1 - kBeta2) * g * g;
    const double mean = mean_[i] / (1 - std::pow(kBeta1, t));
    const double variance = variance_[i] / (1 - std::pow(kBeta2, t));
    values[i] -= lr_ * mean / (std::sqrt(variance) + kEpsilon);
  }
}

std::int64_t VecAdam::steps() const {
  return std::llround(*std::max_element(steps_.begin(), steps_.end()));
}

void VecAdam::save(StateDict& state, const std::string& prefix) const {
  state.tensors[prefix + "steps"] = to_tensor(steps_);
  state.tensors[prefix + "mean"] = to_tensor(mean_);
  state.tensors[prefix + "variance"] = to_tensor(variance_);
}

void VecAdam::load(const StateDict& state, const std::string& prefix) {
  const Shape shape{mean_.size()};
  Vec steps = to_vec(required(state, prefix + "steps", shape, "VecAdam::load"));
  for (const double count : steps) {
    if (count >= 0 && count == std::floor(count)) continue;
    fail<ConfigError>("VecAdam::load: the number of steps is whole and not negative: {}", count);
  }
  Vec mean = to_vec(required(state, prefix + "mean", shape, "VecAdam::load"));
  Vec variance = to_vec(required(state, prefix + "variance", shape, "VecAdam::load"));
  steps_ = std::move(steps);
  mean_ = std::move(mean);
  variance_ = std::move(variance);
}

}  // namespace taskgrad
