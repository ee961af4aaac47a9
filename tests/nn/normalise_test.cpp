#include <taskgrad/core/error.h>
#include <taskgrad/nn/normalise.h>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace taskgrad {
namespace {

TEST_CASE("layer norm: rows have mean 0 and variance 1 at the start") {
  nn::LayerNorm layer(50);
  layer.to(DType::f64);
  layer.init(Rng(1));
  const std::vector<double> y =
      layer(constant(Rng(2).normal({3, 50}, 7, 3, DType::f64))).value().values();
  for (std::size_t row = 0; row < 3; ++row) {
    double mean = 0;
    double square = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      mean += y[row * 50 + i] / 50;
      square += y[row * 50 + i] * y[row * 50 + i] / 50;
    }
    CHECK(mean == doctest::Approx(0).epsilon(1e-12));
    CHECK(square == doctest::Approx(1).epsilon(1e-5));
  }
}

TEST_CASE("batch norm: a forward pass changes nothing, observe() moves the running statistics") {
  nn::BatchNorm norm(2, {.momentum = 0.25});
  norm.to(DType::f64);
  norm.init(Rng(1));
  const Var x = constant(Tensor::from({2, 2}, {1, 10, 3, 30}, DType::f64));
  const BatchNormed batch = norm.normalise(x);
  CHECK(batch.mean.values() == std::vector<double>{2, 20});
  CHECK(batch.variance.values() == std::vector<double>{2, 200});  // unbiased
  CHECK(norm.mean().values() == std::vector<double>{0, 0});
  CHECK(batch.y.value().values()[0] == doctest::Approx(-1 / std::sqrt(1 + 1e-5)));

  norm.observe(batch);
  CHECK(norm.mean().values() == std::vector<double>{0.5, 5});
  CHECK(norm.variance().values() == std::vector<double>{1.25, 50.75});
  CHECK(norm.evaluate(x).value().values()[3] ==
        doctest::Approx((30 - 5) / std::sqrt(50.75 + 1e-5)));
}

TEST_CASE("batch norm: after many batches evaluation agrees with training") {
  nn::BatchNorm norm(3);
  norm.to(DType::f64);
  norm.init(Rng(1));
  for (std::uint64_t i = 0; i < 200; ++i) {
    norm.observe(norm.normalise(constant(Rng(i).normal({64, 3}, 4, 2, DType::f64))));
  }
  const Var x = constant(Rng(1000).normal({4096, 3}, 4, 2, DType::f64));
  const std::vector<double> trained = norm.normalise(x).y.value().values();
  const std::vector<double> evaluated = norm.evaluate(x).value().values();
  for (std::size_t i = 0; i < 30; ++i) CHECK(std::abs(trained[i] - evaluated[i]) < 0.2);
}

TEST_CASE("batch norm: its state is saved and loaded, and checked") {
  nn::BatchNorm norm(2);
  nn::BatchNorm other(2);
  norm.observe(
      {Var(), Tensor::from({2}, {1, 2}, DType::f32), Tensor::from({2}, {3, 4}, DType::f32)});
  CHECK(norm.parameters().size() == 2);  // statistics are not trained
  other.load(norm.state());
  CHECK(equal_bits(other.mean(), norm.mean()));
  CHECK(equal_bits(other.variance(), norm.variance()));
  CHECK_THROWS_AS(
      other.observe(nn::BatchNorm(3).normalise(constant(Tensor::zeros({2, 3}, DType::f32)))),
      ShapeError);
  StateDict part = nn::BatchNorm(2).state();
  part.tensors.erase("variance");
  CHECK_THROWS_AS(other.load(part), ConfigError);
  CHECK_THROWS_AS(other.load(nn::BatchNorm(3).state()), ShapeError);
  CHECK(equal_bits(other.mean(), norm.mean()));
  other.to(DType::f64);
  CHECK(other.variance().dtype() == DType::f64);
  CHECK_THROWS_AS(nn::BatchNorm(2, {.momentum = 2}), ConfigError);
  CHECK_THROWS_AS(nn::BatchNorm(2, {.epsilon = 0}), ConfigError);
}

}  // namespace
}  // namespace taskgrad
