#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/error.h>
#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/variants.h>

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace taskgrad::toy {
namespace {

constexpr double kAlpha = 0.6;
constexpr double kRate = 0.025;

RunOptions small() {
  return {.problem = {.sigmas = {1, 10, 100},
                      .dtype = DType::f64,
                      .input_size = 12,
                      .output_size = 5,
                      .test_examples = 10},
          .width = 16,
          .batch_size = 8};
}

/// A small problem in f64, stepped by hand.
struct Bench {
  RunOptions options = small();
  ScaledRegression problem = make_problem(options);
  nn::MultiTask model = initial_model(options);

  List<Var> losses(std::int64_t t) const {
    return training_losses(options, model, problem.batch(t, options.batch_size)).losses;
  }
};

const Departure& departure_of(std::string_view name) {
  for (const Departure& departure : departures()) {
    if (departure.name == name) return departure;
  }
  throw std::out_of_range(std::string(name));
}

/// G_i at W for w_i = 1, and the losses.
std::pair<Vec, Vec> norms_and_losses(const Bench& bench, std::int64_t t) {
  Step step(bench.losses(t), bench.model);
  Vec norms;
  Vec losses = step.values();
  norms = Vec(3);
  for (int task = 0; task < 3; ++task) {
    double squares = 0;
    for (const double g : grad(step.loss(task), step.anchor())[0].value().values())
      squares += g * g;
    norms[task] = std::sqrt(squares);
  }
  return {norms, losses};
}

TEST_CASE("variants: with no departure the rule is that of the library") {
  Bench bench;
  const Departure none{.name = "none"};
  GradNormVariant variant(3, none, kAlpha, kRate);
  GradNorm library(3, {.alpha = kAlpha, .weight_lr = kRate});
  for (std::int64_t t = 0; t < 30; ++t) {
    Step one(bench.losses(t), bench.model);
    Step two(bench.losses(t), bench.model);
    const Gradients a = variant.backward(one);
    const Gradients b = library.backward(two);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const std::vector<double> x = a[i].value.values();
      const std::vector<double> y = b[i].value.values();
      for (std::size_t k = 0; k < x.size(); ++k) {
        REQUIRE(x[k] == doctest::Approx(y[k]).epsilon(1e-9));
      }
    }
    for (int i = 0; i < 3; ++i) {
      CHECK(variant.weights()[i] == doctest::Approx(library.weights()[i]).epsilon(1e-10));
    }
  }
}

TEST_CASE("variants: absent tasks and gradients that are not finite are refused") {
  Bench bench;
  GradNormVariant variant(3, {.name = "none"}, kAlpha, kRate);
  List<Var> losses = bench.losses(0);
  losses[1] = Var();
  Step absent(losses, bench.model);
  CHECK_THROWS_WITH_AS(static_cast<void>(variant.backward(absent)),
                       "none: every task must be present: 2 of 3 are", ConfigError);
  losses = bench.losses(0);
  losses[1] = losses[1] + sqrt(losses[1] * 0.0);  // its slope is infinite
  Step steep(losses, bench.model);
  CHECK_THROWS_WITH_AS(static_cast<void>(variant.backward(steep)),
                       "none: norms and targets must be finite", NumericError);
}

TEST_CASE("variants: every one departs from the library within a few epochs") {
  for (const Departure& departure : departures()) {
    CAPTURE(departure.name);
    RunOptions options = small();
    options.problem.train_examples = 40;  // an epoch of five steps
    options.alpha = kAlpha;
    options.steps = 12;
    const RunResult library = run(options);
    options.balancer = departure.name;
    const RunResult variant = run(options);
    REQUIRE(variant.error.empty());
    CHECK(variant.fingerprint != library.fingerprint);
  }
}

// In the second step, the first in which ratios differ from 1, the sign of G_i - target_i decides
// where a weight goes; Adam's first step hides its size.
TEST_CASE("variants: targets by their formulas") {
  Bench bench;
  const auto [first_norms, first] = norms_and_losses(bench, 0);
  const auto [norms, second] = norms_and_losses(bench, 1);
  struct Rule {
    std::string name;
    std::function<double(int, double mean_rate, const Vec& w)> factor;  // target_i / mean G
  };
  const Vec start = first;
  const Vec now = second;
  const Rule rules[] = {
      {"reversed_alpha",
       [&](int i, double rate, const Vec&) { return std::pow(now[i] / start[i] / rate, -kAlpha); }},
      {"common_target", [&](int, double rate, const Vec&) { return std::pow(rate, kAlpha); }},
      {"late_initial", [&](int, double, const Vec&) { return 1.0; }},
  };
  for (const Rule& rule : rules) {
    CAPTURE(rule.name);
    // fresh_adam moves by the sign alone, which shows the comparison with the target.
    Departure departure = departure_of(rule.name);
    departure.update = Departure::Update::fresh_adam;
    departure.rare_renormalise = true;
    GradNormVariant variant(3, departure, kAlpha, kRate);
    Step one(bench.losses(0), bench.model);
    static_cast<void>(variant.backward(one));
    const Vec w = variant.weights();
    Step two(bench.losses(1), bench.model);
    static_cast<void>(variant.backward(two));
    const Vec weighted = w * norms;
    const double rate = mean(now / start);
    for (int i = 0; i < 3; ++i) {
      const double target = mean(weighted) * rule.factor(i, rate, w);
      const double expected = w[i] * std::exp(weighted[i] > target ? -kRate : kRate);
      CHECK(variant.weights()[i] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("variants: polluted trains the network on L_grad as well, unweighted heads on L_i") {
  Bench bench;
  const Vec w = {1, 1, 1};
  Step step(bench.losses(0), bench.model);
  Step plain(bench.losses(0), bench.model);
  const Gradients expected = plain.of(plain.weighted(w));
  GradNormVariant polluted(3, departure_of("polluted"), kAlpha, kRate);
  const Gradients found = polluted.backward(step);

  // L_grad by differences of sums of norms, along one element of the first layer.
  const nn::Parameter weight = bench.model.all()[0].parameter;
  const Tensor start = weight.value().value();
  const auto [norms, losses] = norms_and_losses(bench, 0);
  const double target = mean(norms);  // all ratios are 1 in the first step
  const auto gap = [&](double by) {
    std::vector<double> values = start.values();
    values[5] += by;
    nn::Parameter(weight).set(leaf(Tensor::from(start.shape(), values, DType::f64)));
    const auto [moved, ignored] = norms_and_losses(bench, 0);
    double total = 0;
    for (int i = 0; i < 3; ++i) total += std::abs(moved[i] - target);
    return total;
  };
  constexpr double kStep = 1e-6;
  const double difference = (gap(kStep) - gap(-kStep)) / (2 * kStep);
  nn::Parameter(weight).set(leaf(start));
  CHECK(std::abs(difference) > 1e-3);
  CHECK(found[0].value.values()[5] - expected[0].value.values()[5] ==
        doctest::Approx(difference).epsilon(1e-4));
}

TEST_CASE("variants: heads that see no weights") {
  Bench bench;
  GradNormVariant variant(3, departure_of("unweighted_heads"), kAlpha, kRate);
  Step first(bench.losses(0), bench.model);
  static_cast<void>(variant.backward(first));
  const Vec w = variant.weights();
  Step step(bench.losses(1), bench.model);
  Step raw(bench.losses(1), bench.model);
  Step weighted(bench.losses(1), bench.model);
  const Gradients found = variant.backward(step);
  const Gradients ones = raw.of(raw.weighted({1, 1, 1}));
  const Gradients by_w = weighted.of(weighted.weighted(w));
  const std::size_t shared = bench.model.shared().size();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double expected = (i < shared ? by_w : ones)[i].value.values()[0];
    CHECK(found[i].value.values()[0] == doctest::Approx(expected).epsilon(1e-10));
  }
}

TEST_CASE("variants: sums of weights") {
  for (const auto& [name, total] :
       {std::pair{"sum_of_one", 1.0}, {"softmax", 3.0}, {"fresh_adam", 3.0}}) {
    Bench bench;
    GradNormVariant variant(3, departure_of(name), kAlpha, kRate);
    for (std::int64_t t = 0; t < 5; ++t) {
      Step step(bench.losses(t), bench.model);
      static_cast<void>(variant.backward(step));
      CHECK(sum(variant.weights()) == doctest::Approx(total));
    }
  }
  CHECK(make_variant("no such", 2, 1, 1) == nullptr);
}

}  // namespace
}  // namespace taskgrad::toy
