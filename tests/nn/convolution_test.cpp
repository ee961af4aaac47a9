#include <taskgrad/autograd/grad.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/convolution.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include <cmath>

namespace taskgrad {
namespace {

TEST_CASE(
    "convolution: a layer is conv2d with a bias a channel, and starts within 1/sqrt(fan in)") {
  nn::Conv2d layer(4, 6, {3, 2}, {.stride = {2, 1}, .groups = 2});
  layer.to(DType::f64);
  layer.init(Rng(1));
  CHECK(layer.weight.shape() == Shape{6, 2, 3, 2});
  CHECK(layer.count() == 6 * 2 * 3 * 2 + 6);
  for (const double w : layer.weight.value().value().values()) {
    CHECK(std::abs(w) <= 1 / std::sqrt(12.0));
  }
  const Var x = constant(Rng(2).normal({2, 4, 5, 5}, 0, 1, DType::f64));
  const Tensor plain = conv2d(x, layer.weight.value(), {.stride = {2, 1}, .groups = 2}).value();
  const Tensor y = layer(x).value();
  REQUIRE(y.shape() == Shape{2, 6, 2, 4});
  const std::vector<double> bias = layer.bias.value().value().values();
  for (std::size_t i = 0; i < 96; ++i) {
    CHECK(y.values()[i] == doctest::Approx(plain.values()[i] + bias[i / 8 % 6]));
  }
  CHECK_THROWS_WITH_AS(nn::Conv2d(3, 4, {1, 1}, {.groups = 2}),
                       "Conv2d: the groups divide the channels: 2 groups · 3 in · 4 out",
                       ConfigError);
}

TEST_CASE("convolution: a small network learns where a bright pixel is") {
  nn::Sequential model(nn::Conv2d(1, 4, {3, 3}, {.padding = {1, 1}}), nn::Relu(),
                       nn::MaxPool2d({.size = {2, 2}}), nn::Flatten(), nn::Linear(16, 2));
  model.init(Rng(3));
  std::vector<nn::NamedParameter> parameters = model.parameters();
  nn::Adam optimizer(parameters, {.lr = 1e-2});
  std::vector<double> pixels(16 * 16, 0.0);
  std::vector<double> places;
  for (std::size_t image = 0; image < 16; ++image) {
    pixels[image * 16 + image] = 1;
    places.push_back(static_cast<double>(image / 4) / 4);
    places.push_back(static_cast<double>(image % 4) / 4);
  }
  const Tensor x = Tensor::from({16, 1, 4, 4}, pixels, DType::f32);
  const Tensor y = Tensor::from({16, 2}, places, DType::f32);
  double first = 0;
  double last = 0;
  for (int step = 0; step < 300; ++step) {
    const Var loss = nn::mse(model(constant(x)), y);
    (step == 0 ? first : last) = loss.item();
    std::vector<Var> leaves;
    for (const auto& [name, parameter] : parameters) leaves.push_back(parameter.value());
    nn::Gradients gradients;
    for (const Var& g : grad(loss, leaves)) {
      gradients.push_back({parameters[gradients.size()].parameter, g.value()});
    }
    optimizer.step(gradients);
  }
  CHECK(last < first / 100);
}

TEST_CASE("convolution: pools and flatten as layers") {
  const Var x = constant(Rng(2).normal({2, 3, 4, 4}, 0, 1, DType::f64));
  CHECK(nn::MaxPool2d({.size = {2, 2}})(x).shape() == Shape{2, 3, 2, 2});
  CHECK(nn::AvgPool2d({.size = {4, 4}})(x).shape() == Shape{2, 3, 1, 1});
  CHECK(nn::Flatten()(x).shape() == Shape{2, 48});
  CHECK_THROWS_WITH_AS(nn::Flatten()(constant(1, DType::f64)), "Flatten: x [n, ...]: shape []",
                       ShapeError);
}

}  // namespace
}  // namespace taskgrad
