#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/scope.h>
#include <taskgrad/nn/layers.h>

#include <string>
#include <typeinfo>

namespace taskgrad::nn {
namespace {

template <class L>
bool is_a(const Layer& layer) {
  return typeid(layer) == typeid(L);
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out) : weight(Shape{out, in}), bias(Shape{out}) {}

Var Linear::operator()(const Var& x) const { return linear(x, weight.value(), bias.value()); }

void Linear::visit(Visitor& visitor) {
  const std::int64_t fan_in = weight.shape()[1];
  visitor("weight", weight, fan_in_uniform(fan_in));
  visitor("bias", bias, fan_in_uniform(fan_in));
}

Var Relu::operator()(const Var& x) const { return relu(x); }
Var Gelu::operator()(const Var& x) const { return gelu(x); }
Var Tanh::operator()(const Var& x) const { return tanh(x); }
Var Sigmoid::operator()(const Var& x) const { return sigmoid(x); }
Var Softplus::operator()(const Var& x) const { return softplus(x); }
Var LeakyRelu::operator()(const Var& x) const { return leaky_relu(x, slope_); }
Var Elu::operator()(const Var& x) const { return elu(x, alpha_); }

Embedding::Embedding(std::int64_t labels, std::int64_t features) : table(Shape{labels, features}) {}

Var Embedding::operator()(const Labels& labels) const { return embedding(table.value(), labels); }

void Embedding::visit(Visitor& visitor) {
  visitor("table", table, [](const Shape& shape, DType dtype, const Rng& rng) {
    return rng.normal(shape, 0, 1, dtype);
  });
}

Var Sequential::operator()(const Var& x) const {
  Var y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::string name = std::to_string(i);
    const NameScope scope(name);
    const Layer& layer = *layers_[i];
    if (is_a<Linear>(layer) && i + 1 < layers_.size() && is_a<Relu>(*layers_[i + 1])) {
      const auto& affine = static_cast<const Linear&>(layer);
      y = linear_relu(y, affine.weight.value(), affine.bias.value());
      ++i;
    } else {
      y = layer(y);
    }
  }
  return y;
}

void Sequential::visit(Visitor& visitor) {
  for (std::size_t i = 0; i < layers_.size(); ++i) visitor(std::to_string(i), *layers_[i]);
}

}  // namespace taskgrad::nn
