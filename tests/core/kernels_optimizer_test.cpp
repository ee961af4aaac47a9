#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <cmath>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::kDTypes;
using testing::layouts;
using testing::numbers;
using testing::text_of;

constexpr double kStep = 0.01;
constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.99;
constexpr double kEpsilon = 1e-8;
constexpr double kDecay = 0.1;

AdamRates rates_of(int step) {
  return {kStep,
          kBeta1,
          kBeta2,
          kEpsilon,
          kDecay,
          1 - std::pow(kBeta1, step),
          1 - std::pow(kBeta2, step)};
}

void check_close(const Tensor& got, const std::vector<double>& expected) {
  const double tolerance = got.dtype() == DType::f32 ? 1e-6 : 1e-15;
  const std::vector<double> values = got.values();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(std::abs(values[i] - expected[i]) <= tolerance * (1 + std::abs(expected[i])));
  }
}

TEST_CASE("adam: five steps against the formula, one element after the other") {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3, 13}}) {
      Tensor value = numbers(shape, dtype, 1);
      Tensor mean = Tensor::zeros(shape, dtype);
      Tensor variance = Tensor::zeros(shape, dtype);
      std::vector<double> x = value.values();
      std::vector<double> m(x.size()), v(x.size());
      for (int step = 1; step <= 5; ++step) {
        const std::vector<Tensor> gradients =
            layouts(numbers(shape, dtype, static_cast<std::uint32_t>(10 + step)));
        const Tensor gradient = gradients[static_cast<std::size_t>(step) % gradients.size()];
        const std::vector<double> g = gradient.values();
        for (std::size_t i = 0; i < x.size(); ++i) {
          m[i] = kBeta1 * m[i] + (1 - kBeta1) * g[i];
          v[i] = kBeta2 * v[i] + (1 - kBeta2) * g[i] * g[i];
          const double m_hat = m[i] / (1 - std::pow(kBeta1, step));
          const double v_hat = v[i] / (1 - std::pow(kBeta2, step));
          x[i] -= kStep * (m_hat / (std::sqrt(v_hat) + kEpsilon) + kDecay * x[i]);
        }
        adam(value, value, mean, variance, gradient, rates_of(step));
        check_close(value, x);
        check_close(mean, m);
        check_close(variance, v);
      }
    }
  }
}

TEST_CASE("sgd: five steps against the formula, one element after the other") {
  for (const DType dtype : kDTypes) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3, 13}}) {
      Tensor value = numbers(shape, dtype, 1);
      Tensor velocity = Tensor::zeros(shape, dtype);
      std::vector<double> x = value.values();
      std::vector<double> u(x.size());
      for (int step = 1; step <= 5; ++step) {
        const std::vector<Tensor> gradients =
            layouts(numbers(shape, dtype, static_cast<std::uint32_t>(10 + step)));
        const Tensor gradient = gradients[static_cast<std::size_t>(step) % gradients.size()];
        const std::vector<double> g = gradient.values();
        for (std::size_t i = 0; i < x.size(); ++i) {
          u[i] = 0.9 * u[i] + g[i] + 0.1 * x[i];
          x[i] -= 0.05 * u[i];
        }
        sgd(value, value, velocity, gradient, 0.05, 0.9, 0.1);
        check_close(value, x);
        check_close(velocity, u);
      }
    }
  }
}

TEST_CASE("optimizers: write where they are told and leave the value alone") {
  const Tensor gradient = numbers({37}, DType::f64, 9);
  const Tensor value = numbers({37}, DType::f64, 1);
  const Tensor before = value.clone();
  Tensor next = Tensor::empty({37}, DType::f64), in_place = value.clone();
  Tensor mean = Tensor::zeros({37}, DType::f64), same_mean = mean.clone();
  Tensor variance = mean.clone(), same_variance = mean.clone();
  const double* buffers[] = {next.data<double>(), mean.data<double>(), variance.data<double>()};
  adam(value, next, mean, variance, gradient, rates_of(1));
  adam(in_place, in_place, same_mean, same_variance, gradient, rates_of(1));
  CHECK(equal_bits(value, before));
  CHECK(equal_bits(next, in_place));
  CHECK(next.data<double>() == buffers[0]);
  CHECK(mean.data<double>() == buffers[1]);
  CHECK(variance.data<double>() == buffers[2]);

  in_place = value.clone();
  sgd(value, next, mean, gradient, 0.1, 0.9, 0.2);
  sgd(in_place, in_place, same_mean, gradient, 0.1, 0.9, 0.2);
  CHECK(equal_bits(value, before));
  CHECK(equal_bits(next, in_place));
  CHECK(next.data<double>() == buffers[0]);
}

TEST_CASE("optimizers: what they refuse") {
  Tensor a = Tensor::zeros({2, 3}, DType::f64);
  Tensor b = Tensor::zeros({2, 3}, DType::f64);
  Tensor flat = Tensor::zeros({6}, DType::f64);
  Tensor narrow = Tensor::zeros({2, 3}, DType::f32);
  const std::string shapes = ": value, state and gradient have one shape: ";
  const std::string types = ": value, state and gradient have one element type: ";
  CHECK(text_of<ShapeError>([&] { adam(a, a, b, flat, a, rates_of(1)); }) ==
        "adam" + shapes + "[2, 3] · [6] · [2, 3]");
  CHECK(text_of<ShapeError>([&] { adam(a, a, b, b, flat, rates_of(1)); }) ==
        "adam" + shapes + "[2, 3] · [2, 3] · [6]");
  CHECK(text_of<DTypeError>([&] { adam(a, a, narrow, b, a, rates_of(1)); }) ==
        "adam" + types + "f64 · f32 · f64");
  CHECK(text_of<ShapeError>([&] { sgd(a, a, flat, b, 1, 0, 0); }) ==
        "sgd" + shapes + "[2, 3] · [6] · [2, 3]");
  CHECK(text_of<DTypeError>([&] { sgd(a, a, b, narrow, 1, 0, 0); }) ==
        "sgd" + types + "f64 · f64 · f32");
}

TEST_CASE("optimizers: equal bits for every number of threads") {
  const Shape shape{100'003};
  for (const DType dtype : kDTypes) {
    const Tensor gradient = numbers(shape, dtype, 2);
    testing::check_every_thread_count([&] {
      Tensor value = numbers(shape, dtype, 1);
      Tensor mean = Tensor::zeros(shape, dtype);
      Tensor variance = Tensor::zeros(shape, dtype);
      for (int step = 1; step <= 3; ++step)
        adam(value, value, mean, variance, gradient, rates_of(step));
      return value;
    });
    testing::check_every_thread_count([&] {
      Tensor value = numbers(shape, dtype, 1);
      Tensor velocity = Tensor::zeros(shape, dtype);
      for (int step = 1; step <= 3; ++step) sgd(value, value, velocity, gradient, 0.1, 0.9, 0.1);
      return value;
    });
  }
}

}  // namespace
}  // namespace taskgrad::kernels
