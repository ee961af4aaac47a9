#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/layers.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace taskgrad::nn {
namespace {

std::vector<std::string> names_of(Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : module.parameters()) names.push_back(name);
  return names;
}

TEST_CASE("layers: Linear is x W' + b") {
  Linear layer(2, 3);
  layer.to(DType::f64);
  layer.weight.set(Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6}, DType::f64));
  layer.bias.set(Tensor::from({3}, {10, 20, 30}, DType::f64));
  const Var y = layer(constant(Tensor::from({1, 2}, {1, -1}, DType::f64)));
  CHECK(y.value().values() == std::vector<double>{9, 19, 29});
}

TEST_CASE("layers: Sequential applies in order and names by position") {
  Sequential net(Linear(4, 3), Relu(), Sequential(Linear(3, 2), Tanh()), Sigmoid());
  CHECK(names_of(net) == std::vector<std::string>{"0.weight", "0.bias", "2.0.weight", "2.0.bias"});
  CHECK(net.count() == 4 * 3 + 3 + 3 * 2 + 2);
  net.init(Rng(1));
  const Var x = constant(Rng(2).uniform({5, 4}, -1, 1, DType::f32));
  const auto p = net.parameters();
  const Var hidden = relu(linear(x, p[0].parameter.value(), p[1].parameter.value()));
  const Var expected =
      sigmoid(tanh(linear(hidden, p[2].parameter.value(), p[3].parameter.value())));
  CHECK(equal_bits(net(x).value(), expected.value()));
}

TEST_CASE("module: initial values lie within 1/sqrt(fan in) and depend on seed and name alone") {
  Sequential small(Linear(100, 50));
  Sequential large(Linear(100, 50), Linear(50, 7));
  small.init(Rng(3));
  large.init(Rng(3));
  const std::vector<double> w = small.parameters()[0].parameter.value().value().values();
  const auto [low, high] = std::minmax_element(w.begin(), w.end());
  CHECK(*low >= -0.1);
  CHECK(*high < 0.1);
  CHECK(*high - *low > 0.19);
  CHECK(equal_bits(small.parameters()[0].parameter.value().value(),
                   large.parameters()[0].parameter.value().value()));
  small.init(Rng(4));
  CHECK_FALSE(equal_bits(small.parameters()[0].parameter.value().value(),
                         large.parameters()[0].parameter.value().value()));
}

TEST_CASE("module: state is loaded whole or not at all") {
  Sequential net(Linear(2, 2));
  net.init(Rng(1));
  const StateDict before = net.state();
  StateDict other = before;
  other.tensors["0.weight"] = Tensor::full({2, 2}, 7, DType::f32);
  net.load(other);
  CHECK(net.state().tensors.at("0.weight").values()[0] == 7);

  StateDict missing = before;
  missing.tensors.erase("0.bias");
  CHECK_THROWS_WITH_AS(net.load(missing),
                       "Module::load: every tensor of the state is needed: '0.bias' is missing",
                       ConfigError);
  StateDict unknown = before;
  unknown.tensors["1.weight"] = Tensor::zeros({1}, DType::f32);
  CHECK_THROWS_WITH_AS(
      net.load(unknown),
      "Module::load: the model must have what the state has: no parameter '1.weight'", ConfigError);
  StateDict shape = before;
  shape.tensors["0.bias"] = Tensor::zeros({3}, DType::f32);
  CHECK_THROWS_WITH_AS(net.load(shape), "Module::load: '0.bias' has shape [2]: [3] was given",
                       ShapeError);
  CHECK(net.state().tensors.at("0.weight").values()[0] == 7);
}

TEST_CASE("parameter: a graph built before an update keeps the old value") {
  Parameter p(Shape{2}, DType::f64);
  const Var before = p.value();
  p.set(Tensor::from({2}, {1, 2}, DType::f64));
  CHECK(before.value().values() == std::vector<double>{0, 0});
  CHECK(p.value().value().values() == std::vector<double>{1, 2});
  CHECK_THROWS_WITH_AS(p.set(Tensor::zeros({3}, DType::f64)),
                       "Parameter: the shape must stay: [2] to [3]", ShapeError);
}

TEST_CASE("activation layers: each is its op") {
  const Var x = constant(Tensor::from({3}, {-2, 0, 1.5}, DType::f64));
  const auto same = [&](const Layer& layer, const Var& y) {
    CHECK(equal_bits(layer(x).value(), y.value()));
  };
  same(Relu(), relu(x));
  same(Gelu(), gelu(x));
  same(Tanh(), tanh(x));
  same(Sigmoid(), sigmoid(x));
  same(Softplus(), softplus(x));
  same(LeakyRelu(0.3), leaky_relu(x, 0.3));
  same(Elu(0.7), elu(x, 0.7));
}

}  // namespace
}  // namespace taskgrad::nn
