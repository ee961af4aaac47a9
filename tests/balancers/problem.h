// A small multi-task problem for tests of balancers.
#pragma once

#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/step.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/multi_task.h>

#include <string_view>
#include <vector>

namespace taskgrad::test {

/// A trunk of two Linear+Tanh layers 6-8-8 and heads 8-3, in f64, with targets of unlike scale.
struct SmallProblem {
  explicit SmallProblem(int tasks, std::uint64_t seed = 1, double scale_ratio = 10)
      : model(nn::Sequential(nn::Linear(6, 8), nn::Tanh(), nn::Linear(8, 8), nn::Tanh()),
              nn::repeat(tasks, [] { return nn::Linear(8, 3); })),
        rng(seed) {
    model.to(DType::f64);
    model.init(rng.stream("init"));
    double scale = 1;
    for (int i = 0; i < tasks; ++i, scale *= scale_ratio) scales.push_back(scale);
  }

  Var representation(std::uint64_t batch = 0) const {
    const Rng data = rng.stream("batch").stream(batch);
    return model.represent(constant(data.stream("x").uniform({5, 6}, -1, 1, DType::f64)));
  }
  List<Var> losses(std::uint64_t batch = 0) const { return losses(batch, representation(batch)); }
  List<Var> losses(std::uint64_t batch, const Var& representation) const {
    const Rng data = rng.stream("batch").stream(batch);
    const List<Var> predictions = model.predict(representation);
    List<Var> all;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const Tensor y =
          data.stream("y").stream(i).uniform({5, 3}, -scales[i], scales[i], DType::f64);
      all.push_back(nn::mse(predictions[i], y));
    }
    return all;
  }
  Step step(std::uint64_t batch = 0) const { return Step(losses(batch), model); }

  /// Losses of one batch without those of the tasks in `absent`.
  List<Var> losses_without(std::uint64_t batch, const std::vector<int>& absent) const {
    List<Var> all = losses(batch);
    for (const int task : absent) all[static_cast<std::size_t>(task)] = Var();
    return all;
  }
  /// A step that has the output of the trunk.
  Step step_from_representation(std::uint64_t batch, const std::vector<int>& absent) const {
    const Var z = representation(batch);
    List<Var> all = losses(batch, z);
    for (const int task : absent) all[static_cast<std::size_t>(task)] = Var();
    return Step(std::move(all), model, {.representation = z});
  }
  /// A step with all that a method may ask for: further batches, in which the same tasks are
  /// absent.
  Step whole_step(std::uint64_t batch = 0, const std::vector<int>& absent = {}) const {
    const auto further = [this, batch, absent](int k) {
      return losses_without(k == 0 ? batch : 1000 * (batch + 1) + std::uint64_t(k), absent);
    };
    return Step(losses_without(batch, absent), model, {.batches = further});
  }

  nn::MultiTask model;
  Rng rng;
  std::vector<double> scales;
};

/// Whether two lists of gradients have the same parameters and bits.
inline bool equal_bits(const Gradients& a, const Gradients& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i].parameter == b[i].parameter)) return false;
    if (!taskgrad::equal_bits(a[i].value, b[i].value)) return false;
  }
  return true;
}

/// max |a - b| / max |b| over all parameters.
inline double relative_difference(const Gradients& a, const Gradients& b) {
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::vector<double> x = a[i].value.values();
    const std::vector<double> y = b[i].value.values();
    for (std::size_t k = 0; k < x.size(); ++k) {
      difference = std::max(difference, std::abs(x[k] - y[k]));
      largest = std::max(largest, std::abs(y[k]));
    }
  }
  return difference / largest;
}

}  // namespace taskgrad::test
