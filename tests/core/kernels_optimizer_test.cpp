#include <taskgrad/core/kernels.h>
#include <taskgrad/core/parallel.h>

#include "testing.h"
#include <cmath>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::kDTypes;
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

void adam_one(const Tensor& value, Tensor& next, Tensor& mean, Tensor& variance,
              const Tensor& gradient, int step) {
  const AdamUpdate update[] = {{value, next, mean, variance, gradient}};
  adam(update, rates_of(step));
}

void sgd_one(const Tensor& value, Tensor& next, Tensor& velocity, const Tensor& gradient,
             SgdRates rates = {.step = 0.05, .momentum = 0.9, .decay = 0.1}) {
  const SgdUpdate update[] = {{value, next, velocity, gradient}};
  sgd(update, rates);
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
        const Tensor gradient = numbers(shape, dtype, static_cast<std::uint32_t>(10 + step));
        const std::vector<double> g = gradient.values();
        for (std::size_t i = 0; i < x.size(); ++i) {
          m[i] = kBeta1 * m[i] + (1 - kBeta1) * g[i];
          v[i] = kBeta2 * v[i] + (1 - kBeta2) * g[i] * g[i];
          const double m_hat = m[i] / (1 - std::pow(kBeta1, step));
          const double v_hat = v[i] / (1 - std::pow(kBeta2, step));
          x[i] -= kStep * (m_hat / (std::sqrt(v_hat) + kEpsilon) + kDecay * x[i]);
        }
        adam_one(value, value, mean, variance, gradient, step);
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
        const Tensor gradient = numbers(shape, dtype, static_cast<std::uint32_t>(10 + step));
        const std::vector<double> g = gradient.values();
        for (std::size_t i = 0; i < x.size(); ++i) {
          u[i] = 0.9 * u[i] + g[i] + 0.1 * x[i];
          x[i] -= 0.05 * u[i];
        }
        sgd_one(value, value, velocity, gradient);
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
  adam_one(value, next, mean, variance, gradient, 1);
  adam_one(in_place, in_place, same_mean, same_variance, gradient, 1);
  CHECK(equal_bits(value, before));
  CHECK(equal_bits(next, in_place));
  CHECK(next.data<double>() == buffers[0]);
  CHECK(mean.data<double>() == buffers[1]);
  CHECK(variance.data<double>() == buffers[2]);

  in_place = value.clone();
  sgd_one(value, next, mean, gradient);
  sgd_one(in_place, in_place, same_mean, gradient);
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
  CHECK(text_of<ShapeError>([&] { adam_one(a, a, b, flat, a, 1); }) ==
        "adam" + shapes + "[2, 3] · [6] · [2, 3]");
  CHECK(text_of<ShapeError>([&] { adam_one(a, a, b, b, flat, 1); }) ==
        "adam" + shapes + "[2, 3] · [2, 3] · [6]");
  CHECK(text_of<DTypeError>([&] { adam_one(a, a, narrow, b, a, 1); }) ==
        "adam" + types + "f64 · f32 · f64");
  CHECK(text_of<ShapeError>([&] { sgd_one(a, a, flat, b); }) ==
        "sgd" + shapes + "[2, 3] · [6] · [2, 3]");
  CHECK(text_of<DTypeError>([&] { sgd_one(a, a, b, narrow); }) ==
        "sgd" + types + "f64 · f64 · f32");
}

// Several parameters, whose blocks are counted through.
constexpr std::int64_t kSizes[] = {100'003, 7, 0, kBlock, 20'000};

template <class Step>
Tensor after_three_steps(DType dtype, const Step& step) {
  std::vector<Tensor> values, states[2], gradients;
  for (const std::int64_t size : kSizes) {
    values.push_back(numbers({size}, dtype, 1));
    for (std::vector<Tensor>& state : states) state.push_back(Tensor::zeros({size}, dtype));
    gradients.push_back(numbers({size}, dtype, static_cast<std::uint32_t>(2 + size)));
  }
  for (int t = 1; t <= 3; ++t) step(t, values, states, gradients);
  return concat(values, 0);
}

void adam_together(int steps, std::vector<Tensor>& values, std::vector<Tensor> (&states)[2],
                   const std::vector<Tensor>& gradients) {
  std::vector<AdamUpdate> updates;
  for (std::size_t i = 0; i < values.size(); ++i) {
    updates.push_back({values[i], values[i], states[0][i], states[1][i], gradients[i]});
  }
  adam(updates, rates_of(steps));
}

TEST_CASE("optimizers: parameters together take the steps that each takes alone") {
  for (const DType dtype : kDTypes) {
    const auto adam_apart = [](int t, auto& values, auto& states, const auto& gradients) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        adam_one(values[i], values[i], states[0][i], states[1][i], gradients[i], t);
      }
    };
    const Tensor alone = after_three_steps(dtype, adam_apart);
    testing::check_every_thread_count([&] {
      const Tensor together = after_three_steps(dtype, adam_together);
      CHECK(equal_bits(together, alone));
      return together;
    });
    testing::check_every_thread_count([&] {
      return after_three_steps(dtype, [](int, auto& values, auto& states, const auto& gradients) {
        std::vector<SgdUpdate> updates;
        for (std::size_t i = 0; i < values.size(); ++i) {
          updates.push_back({values[i], values[i], states[0][i], gradients[i]});
        }
        sgd(updates, {.step = 0.05, .momentum = 0.9, .decay = 0.1});
      });
    });
  }
}

}  // namespace
}  // namespace taskgrad::kernels
