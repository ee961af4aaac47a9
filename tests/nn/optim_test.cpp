#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace taskgrad::nn {
namespace {

std::vector<NamedParameter> two_parameters() {
  std::vector<NamedParameter> all = {{"a", Parameter(Shape{2}, DType::f64)},
                                     {"b", Parameter(Shape{}, DType::f64)}};
  all[0].parameter.set(Tensor::from({2}, {1, -2}, DType::f64));
  all[1].parameter.set(Tensor::scalar(3, DType::f64));
  return all;
}

Gradients gradients_for(const std::vector<NamedParameter>& parameters, double t) {
  return {{parameters[0].parameter, Tensor::from({2}, {0.5 * t, -1}, DType::f64)},
          {parameters[1].parameter, Tensor::scalar(2 - t, DType::f64)}};
}

std::vector<double> values_of(const std::vector<NamedParameter>& parameters) {
  std::vector<double> all = parameters[0].parameter.value().value().values();
  all.push_back(parameters[1].parameter.value().item());
  return all;
}

// The same update in plain doubles, element by element.
std::vector<double> by_hand(bool adam, int steps) {
  std::vector<double> x = {1, -2, 3};
  std::vector<double> m(3);
  std::vector<double> v(3);
  for (int t = 1; t <= steps; ++t) {
    const double g[] = {0.5 * t, -1, 2.0 - t};
    for (std::size_t i = 0; i < 3; ++i) {
      if (adam) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        x[i] -= 0.01 * 0.1 * x[i] + 0.01 * (m[i] / (1 - std::pow(0.9, t))) /
                                        (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      } else {
        m[i] = 0.9 * m[i] + g[i] + 0.1 * x[i];
        x[i] -= 0.01 * m[i];
      }
    }
  }
  return x;
}

std::unique_ptr<Optimizer> make(bool adam, const std::vector<NamedParameter>& parameters) {
  if (adam) return std::make_unique<Adam>(parameters, AdamOptions{.lr = 0.01, .weight_decay = 0.1});
  return std::make_unique<Sgd>(parameters,
                               SgdOptions{.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1});
}

TEST_CASE("optim: Adam and Sgd take the steps of their formulas") {
  for (const bool adam : {true, false}) {
    const auto parameters = two_parameters();
    const auto optimizer = make(adam, parameters);
    for (int t = 1; t <= 4; ++t) optimizer->step(gradients_for(parameters, t));
    const std::vector<double> found = values_of(parameters);
    const std::vector<double> expected = by_hand(adam, 4);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-14));
    }
  }
}

TEST_CASE("optim: a run continued from its state has the same bits") {
  for (const bool adam : {true, false}) {
    const auto whole = two_parameters();
    const auto one = make(adam, whole);
    for (int t = 1; t <= 6; ++t) one->step(gradients_for(whole, t));

    const auto parts = two_parameters();
    const auto first = make(adam, parts);
    for (int t = 1; t <= 3; ++t) first->step(gradients_for(parts, t));
    const auto second = make(adam, parts);
    second->load(first->state());
    for (int t = 4; t <= 6; ++t) second->step(gradients_for(parts, t));
    CHECK(values_of(parts) == values_of(whole));
  }
}

TEST_CASE("optim: a graph that is still alive keeps its values through a step") {
  const auto parameters = two_parameters();
  const Var graph = parameters[0].parameter.value() * 2.0;
  const Var held = parameters[0].parameter.value();
  make(true, parameters)->step(gradients_for(parameters, 1));
  CHECK(held.value().values() == std::vector<double>{1, -2});
  CHECK(values_of(parameters)[0] != 1);
}

TEST_CASE("optim: a value that nobody else holds is written in place") {
  for (const bool adam : {true, false}) {
    const auto parameters = two_parameters();
    const auto optimizer = make(adam, parameters);
    const auto buffers = [&] {
      std::vector<const double*> all;
      for (const auto& each : parameters) {
        all.push_back(each.parameter.value().value().data<double>());
      }
      return all;
    };
    const std::vector<const double*> first = buffers();
    optimizer->step(gradients_for(parameters, 1));
    CHECK(buffers() == first);

    const Tensor held = parameters[1].parameter.value().value();
    const double before = held.item();
    optimizer->step(gradients_for(parameters, 2));
    CHECK(buffers()[0] == first[0]);
    CHECK(buffers()[1] != first[1]);
    CHECK(held.item() == before);
    CHECK(values_of(parameters) == [&] {
      const auto fresh = two_parameters();
      const auto other = make(adam, fresh);
      for (int t = 1; t <= 2; ++t) {
        const auto graph = fresh[0].parameter.value() + fresh[1].parameter.value();
        other->step(gradients_for(fresh, t));
      }
      return values_of(fresh);
    }());
  }
}

TEST_CASE("optim: a parameter that is listed twice moves once") {
  for (const bool adam : {true, false}) {
    for (const bool held : {true, false}) {
      const auto once = two_parameters();
      make(adam, once)->step(gradients_for(once, 1));
      auto twice = two_parameters();
      twice.push_back({"tied", twice[0].parameter});
      Gradients gradients = gradients_for(twice, 1);
      gradients.push_back(gradients[0]);
      const Var other = held ? twice[0].parameter.value() : Var();
      make(adam, twice)->step(gradients);
      CHECK(values_of(twice) == values_of(once));
    }
  }
}

TEST_CASE("optim: a gradient that is not packed counts as its copy") {
  for (const bool adam : {true, false}) {
    const Tensor row = Tensor::from({1, 3}, {1, -2, 0.5}, DType::f64);
    const Tensor columns = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6}, DType::f64).transpose();
    for (const Tensor& gradient : {row.expand({2, 3}), columns}) {
      const auto moved = [&](const Tensor& by) {
        const std::vector<NamedParameter> one = {{"w", Parameter(Shape{2, 3}, DType::f64)}};
        make(adam, one)->step(Gradients{{one[0].parameter, by}});
        return one[0].parameter.value().value();
      };
      CHECK_FALSE(gradient.is_contiguous());
      CHECK(equal_bits(moved(gradient), moved(gradient.clone())));
    }
  }
}

TEST_CASE("optim: a state that was taken stays as it was through later steps") {
  for (const bool adam : {true, false}) {
    const auto parameters = two_parameters();
    const auto optimizer = make(adam, parameters);
    optimizer->step(gradients_for(parameters, 1));
    const StateDict state = optimizer->state();
    std::vector<Tensor> copies;
    for (const auto& entry : state.tensors) copies.push_back(entry.second.clone());
    optimizer->step(gradients_for(parameters, 2));
    std::size_t i = 0;
    for (const auto& entry : state.tensors) CHECK(equal_bits(entry.second, copies[i++]));
  }
}

TEST_CASE("optim: gradients that do not fit change nothing") {
  const auto parameters = two_parameters();
  const auto optimizer = make(true, parameters);
  const std::vector<double> before = values_of(parameters);
  Gradients gradients = gradients_for(parameters, 1);
  std::swap(gradients[0], gradients[1]);
  CHECK_THROWS_WITH_AS(optimizer->step(gradients),
                       "Optimizer::step: gradients come in the order of the parameters: number 0 "
                       "is not that of 'a'",
                       ConfigError);
  gradients.pop_back();
  CHECK_THROWS_WITH_AS(optimizer->step(gradients),
                       "Optimizer::step: one gradient a parameter: 2 parameters · 1 gradients",
                       ConfigError);
  gradients = gradients_for(parameters, 1);
  gradients[1].value = Tensor::scalar(std::numeric_limits<double>::quiet_NaN(), DType::f64);
  CHECK_THROWS_WITH_AS(optimizer->step(gradients),
                       "Optimizer::step: gradients must be finite: that of 'b' is not",
                       NumericError);
  gradients[1].value = Tensor::zeros({1}, DType::f64);
  CHECK_THROWS_WITH_AS(optimizer->step(gradients),
                       "Optimizer::step: a gradient is like its parameter: 'b' is f64 []: f64 [1]",
                       ShapeError);
  CHECK(values_of(parameters) == before);
  StateDict state = optimizer->state();
  state.tensors.erase("mean.a");
  CHECK_THROWS_WITH_AS(optimizer->load(state),
                       "Optimizer::load: every tensor of the state is needed: 'mean.a' is missing",
                       ConfigError);
}

TEST_CASE("optim: a model that was converted since is refused before anything changes") {
  auto parameters = two_parameters();
  const auto optimizer = make(true, parameters);
  Gradients gradients = gradients_for(parameters, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    parameters[i].parameter.set(parameters[i].parameter.value().value().to(DType::f32));
    gradients[i].value = gradients[i].value.to(DType::f32);
  }
  CHECK_THROWS_WITH_AS(optimizer->step(gradients),
                       "Optimizer::step: 'a' was f64 when the optimizer was made: f32 now [make "
                       "the optimizer after Module::to]",
                       DTypeError);
  CHECK(values_of(parameters) == std::vector<double>{1, -2, 3});
  CHECK(optimizer->state().tensors.at("steps").item() == 0);
}

TEST_CASE("optim: options out of range are refused") {
  const auto parameters = two_parameters();
  CHECK_THROWS_WITH_AS(Adam(parameters, {.lr = -1}), "Adam: lr must be finite and at least 0: -1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Adam(parameters, {.beta1 = -1}), "Adam: beta1 must lie in [0, 1): -1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Adam(parameters, {.beta2 = 1}), "Adam: beta2 must lie in [0, 1): 1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Adam(parameters, {.epsilon = 0}), "Adam: epsilon must be positive: 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Adam(parameters, {.weight_decay = -1}),
                       "Adam: weight_decay must be at least 0: -1", ConfigError);
  CHECK_THROWS_WITH_AS(Sgd(parameters, {.lr = HUGE_VAL}),
                       "Sgd: lr must be finite and at least 0: inf", ConfigError);
  CHECK_THROWS_WITH_AS(Sgd(parameters, {.momentum = 1}), "Sgd: momentum must lie in [0, 1): 1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Sgd(parameters, {.weight_decay = -1}),
                       "Sgd: weight_decay must be at least 0: -1", ConfigError);
}

}  // namespace
}  // namespace taskgrad::nn
