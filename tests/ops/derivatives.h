// Value, first and second derivatives of an op at a sample, as the tests of the op table compare
// them with others.
#pragma once

#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace taskgrad::test {

/// Calls f(op, samples, sample) for each good sample of each op.
template <class F>
void for_each_sample(const F& f) {
  for (const OpEntry& op : registered_ops()) {
    const Samples samples = op.samples();
    for (const Sample& sample : samples.good) {
      INFO(op.info->name, " / ", sample.label);
      f(op, samples, sample);
    }
  }
}

inline std::vector<Var> leaves(const std::vector<Tensor>& inputs) {
  std::vector<Var> vars;
  for (const Tensor& input : inputs) vars.push_back(leaf(input));
  return vars;
}

inline Tensor value_of(const OpEntry& op, const Sample& sample, const std::vector<Tensor>& inputs) {
  return op.call(sample.attrs, leaves(inputs)).value();
}

/// Numbers of [0.5, 1.5) for each of these shapes: nothing that they multiply goes unseen.
inline std::vector<Tensor> directions(const std::vector<Tensor>& like, unsigned seed) {
  std::vector<Tensor> all;
  for (const Tensor& x : like) all.push_back(samples::numbers(x.shape(), 0.5, 1.5, seed++));
  return all;
}

/// The gradients of <f(x), u> in x, and those of sum_i <gradient_i, p_i> in x and in u.
struct Derivatives {
  Tensor value;
  std::vector<Tensor> first;   // one an input
  std::vector<Tensor> second;  // one an input, and that of the cotangent
};

inline Derivatives derivatives_of(const OpEntry& op, const Sample& sample, const Tensor& cotangent,
                                  const std::vector<Tensor>& along) {
  Derivatives result;
  const std::vector<Var> x = leaves(sample.inputs);
  const Var y = op.call(sample.attrs, x);
  result.value = y.value();
  if (!op.differentiable) return result;
  const Var u = leaf(cotangent);
  const List<Var> first =
      grad(y, x, {.create_graph = true, .unused = Unused::zeros, .cotangent = u});
  Var total = constant(0, DType::f64);
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.first.push_back(first[i].value());
    total = total + dot(first[i], constant(along[i]));
  }
  std::vector<Var> all = x;
  all.push_back(u);
  for (const Var& second : grad(total, all, {.unused = Unused::zeros})) {
    result.second.push_back(second.value());
  }
  return result;
}

/// The largest |a - b| / (1 + |b|); infinite when shapes differ or one is NaN where the other is
/// not.
inline double largest_difference(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  const std::vector<double> x = a.values();
  const std::vector<double> y = b.values();
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = std::abs(x[i] - y[i]) / (1 + std::abs(y[i]));
    largest = std::isnan(error) ? INFINITY : std::max(largest, error);
  }
  return largest;
}

inline double largest_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, largest_difference(a[i], b[i]));
  }
  return largest;
}

}  // namespace taskgrad::test
