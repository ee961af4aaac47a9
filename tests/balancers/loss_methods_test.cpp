// The methods that look at losses alone: the weights by their formulas, written out.
#include <taskgrad/balancers/cov.h>
#include <taskgrad/balancers/dtp.h>
#include <taskgrad/balancers/dwa.h>
#include <taskgrad/balancers/famo.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/log_losses.h>
#include <taskgrad/balancers/rlw.h>
#include <taskgrad/balancers/stch.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/balancers/uw_so.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <cmath>

namespace taskgrad {
namespace {

using test::SmallProblem;

constexpr int kTasks = 3;

// What a method's gradient on `step` is, against sum_i w_i L_i for expected weights.
double mismatch(Balancer& method, const SmallProblem& problem, std::uint64_t batch,
                const Vec& weights) {
  Step step = problem.step(batch);
  Step plain = problem.step(batch);
  return test::relative_difference(method.backward(step), plain.of(plain.weighted(weights)));
}

// The weights w that a method's gradient has, found from the heads: each has its own task's alone.
Vec weights_in(const Gradients& update, const SmallProblem& problem, std::uint64_t batch) {
  Step plain = problem.step(batch);
  const Gradients ones = plain.of(plain.weighted(Vec(problem.model.tasks(), 1.0)));
  Vec w(problem.model.tasks());
  std::size_t at = problem.model.shared().size();
  for (int i = 0; i < w.size(); ++i) {
    w[i] = update[at].value.values()[0] / ones[at].value.values()[0];
    at += problem.model.head(i).size();
  }
  return w;
}

Vec inverse(Vec x) {
  for (double& value : x) value = 1 / value;
  return x;
}

TEST_CASE("rlw: weights are positive, sum to 1, change each step, and follow the seed") {
  const SmallProblem problem(kTasks);
  Rlw method({.seed = 3});
  Rlw same({.seed = 3});
  Rlw other({.seed = 4});
  Vec previous;
  Vec total(kTasks);
  constexpr int kSteps = 400;
  for (int t = 0; t < kSteps; ++t) {
    Step a = problem.step();
    Step b = problem.step();
    Step c = problem.step();
    const Vec w = weights_in(method.backward(a), problem, 0);
    CHECK(sum(w) == doctest::Approx(1));
    for (const double value : w) CHECK(value > 0);
    CHECK(weights_in(same.backward(b), problem, 0) == w);
    CHECK_FALSE(weights_in(other.backward(c), problem, 0) == w);
    CHECK_FALSE(w == previous);
    previous = w;
    total = total + w;
  }
  for (const double value : total) CHECK(value / kSteps == doctest::Approx(1.0 / 3).epsilon(0.1));
}

TEST_CASE("scale_invariant: sum of logarithms, w_i = 1 / L_i") {
  const SmallProblem problem(kTasks);
  ScaleInvariant method;
  CHECK(mismatch(method, problem, 0, inverse(problem.step().values())) < 1e-13);
}

TEST_CASE("gls: the geometric mean, w_i = L / (K L_i)") {
  const SmallProblem problem(kTasks);
  const Vec losses = problem.step().values();
  const double mean = std::cbrt(losses[0] * losses[1] * losses[2]);
  Gls method;
  CHECK(mismatch(method, problem, 0, (mean / 3) * inverse(losses)) < 1e-13);
}

TEST_CASE("uncertainty: both published forms have their minimum at w_i = 1 / (2 L_i)") {
  const SmallProblem problem(2);
  for (const auto form : {UncertaintyForm::regression, UncertaintyForm::classification}) {
    Uncertainty method(2, {.weight_lr = 0.01, .form = form});
    const double first = form == UncertaintyForm::regression ? 0.5 : 1.0;
    CHECK(method.weights() == Vec{first, first});
    CHECK(mismatch(method, problem, 0, {first, first}) < 1e-13);
    for (int t = 0; t < 8000; ++t) {
      Step step = problem.step();
      static_cast<void>(method.backward(step));
    }
    for (int i = 0; i < 2; ++i) {
      CHECK(method.weights()[i] * problem.step().values()[i] == doctest::Approx(0.5).epsilon(1e-3));
    }
  }
}

TEST_CASE("imtl_l: e^s L - s is at its minimum at w_i = 1 / L_i") {
  const SmallProblem problem(2);
  ImtlL method(2, {.weight_lr = 0.01});
  CHECK(mismatch(method, problem, 0, {1, 1}) < 1e-13);
  for (int t = 0; t < 3000; ++t) {
    Step step = problem.step();
    static_cast<void>(method.backward(step));
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(method.weights()[i] * problem.step().values()[i] == doctest::Approx(1).epsilon(1e-3));
  }
}

TEST_CASE("imtl_l: twice uncertainty with the sign of s turned, through a run") {
  const SmallProblem problem(kTasks);
  ImtlL method(kTasks, {.weight_lr = 0.1});
  Uncertainty other(kTasks, {.weight_lr = 0.1});
  for (std::uint64_t t = 0; t < 30; ++t) {
    Step a = problem.step(t);
    Step b = problem.step(t);
    const Vec w = weights_in(method.backward(a), problem, t);
    const Vec u = weights_in(other.backward(b), problem, t);
    for (int i = 0; i < kTasks; ++i) CHECK(w[i] == doctest::Approx(2 * u[i]).epsilon(1e-6));
  }
}

TEST_CASE("dtp: w = -(1 - k)^gamma log k of the running key metric") {
  const SmallProblem problem(2);
  Dtp method(2, {.gamma = 2, .newest = 0.25});
  const Vec first = problem.step(0).values();
  double k[] = {0.1, 0.1};
  for (std::uint64_t t = 0; t < 6; ++t) {
    const Vec losses = problem.step(t).values();
    Vec w(2);
    for (int i = 0; i < 2; ++i) {
      double metric = 1 - std::min(1.0, losses[i] / first[i]);
      if (t == 3 && i == 1) metric = 0.8;
      metric = std::min(std::max(metric, 0.1), 0.99);
      k[i] = 0.75 * k[i] + 0.25 * metric;
      w[i] = -(1 - k[i]) * (1 - k[i]) * std::log(k[i]);
    }
    if (t == 3) method.report(1, 0.8);
    CHECK(mismatch(method, problem, t, w) < 1e-13);
  }
  CHECK_THROWS_AS(method.report(2, 0.5), ConfigError);
  CHECK_THROWS_AS(method.report(0, 1.5), ConfigError);
}

TEST_CASE("dwa: K softmax of the ratio of the last two epochs' means") {
  const SmallProblem problem(2);
  Dwa method(2, {.temperature = 0.5});
  const auto epoch_mean = [&](std::uint64_t first) {
    return 0.5 * (problem.step(first).values() + problem.step(first + 1).values());
  };
  for (std::uint64_t t = 0; t < 4; ++t) {  // two epochs of two steps
    CHECK(mismatch(method, problem, t, {1, 1}) < 1e-13);
    if (t % 2 == 1) method.end_epoch();
  }
  const Vec r = epoch_mean(2) / epoch_mean(0);
  const double a = std::exp(r[0] / 0.5);
  const double b = std::exp(r[1] / 0.5);
  CHECK(mismatch(method, problem, 4, {2 * a / (a + b), 2 * b / (a + b)}) < 1e-12);
}

TEST_CASE("cov: the coefficient of variation of the loss ratios, by two-pass statistics") {
  const SmallProblem problem(2);
  Cov method(2);
  std::vector<Vec> losses;
  for (std::uint64_t t = 0; t < 8; ++t) {
    Vec c(2, 1.0);
    for (int i = 0; i < 2 && t >= 2; ++i) {
      std::vector<double> ratios;
      double before = 0;
      for (std::size_t s = 0; s < losses.size(); ++s) {
        ratios.push_back(s == 0 ? 1.0 : losses[s][i] / (before / double(s)));
        before += losses[s][i];
      }
      double mean_ratio = 0;
      double variance = 0;
      for (const double l : ratios) mean_ratio += l / double(ratios.size());
      for (const double l : ratios)
        variance += (l - mean_ratio) * (l - mean_ratio) / double(ratios.size());
      c[i] = std::sqrt(variance) / mean_ratio;
    }
    CHECK(mismatch(method, problem, t, (1 / sum(c)) * c) < 1e-11);
    losses.push_back(problem.step(t).values());
  }
}

TEST_CASE("uw_so: softmax of 1 / (L T)") {
  const SmallProblem problem(kTasks);
  UwSo method({.temperature = 3});
  const Vec losses = problem.step().values();
  double e[kTasks];
  for (int i = 0; i < kTasks; ++i) e[i] = std::exp(1 / (3 * losses[i]));
  const double total = e[0] + e[1] + e[2];
  CHECK(mismatch(method, problem, 0, {e[0] / total, e[1] / total, e[2] / total}) < 1e-13);
}

TEST_CASE("famo: a convex combination of gradients by z / L, and weight moves off what fell most") {
  const SmallProblem problem(kTasks);
  Famo method(kTasks, {.weight_lr = 0.1, .gamma = 0, .lower_bounds = {-1, -2, 0}});
  const Vec above = problem.step().values() - Vec{-1, -2, 0};
  const Vec w = inverse(above);
  CHECK(mismatch(method, problem, 0, (1 / sum(w)) * w) < 1e-6);  // the 1e-8 inside the logarithm
  // Task 1 halves, the others stay: its delta is log 2, theirs 0.
  Vec after = problem.step().values();
  after[1] = -2 + 0.5 * above[1];
  method.after_step({&*after.begin(), 3});
  CHECK(method.weights()[1] < 1.0 / 3);
  CHECK(method.weights()[0] == doctest::Approx(method.weights()[2]));
  // Adam's first step is its rate along the sign of the gradient z_i (delta_i - z.delta).
  const Vec xi = to_vec(method.state().tensors.at("xi"));
  CHECK(xi[1] == doctest::Approx(-0.1).epsilon(1e-5));
  CHECK(xi[0] == doctest::Approx(0.1).epsilon(1e-5));
  CHECK_THROWS_AS(method.after_step({&*after.begin(), 3}), ConfigError);
  Famo tight(kTasks, {.lower_bounds = {1e9, 0, 0}});
  Step step = problem.step();
  CHECK_THROWS_AS(tight.backward(step), NumericError);
}

TEST_CASE("famo: the gradient of xi is that of the softmax, by differences") {
  const SmallProblem problem(2);
  Famo method(2, {.gamma = 0.5});
  for (std::uint64_t t = 0; t < 5; ++t) {
    Step step = problem.step(0);
    static_cast<void>(method.backward(step));
    Vec after = problem.step(0).values();
    after[0] *= 0.5 + 0.1 * double(t);
    const Vec xi = to_vec(method.state().tensors.at("xi"));
    const auto rate = [&](const Vec& at) {  // z.delta + gamma |xi|^2 / 2, minimised in xi
      const Vec z = softmax(at);
      const Vec delta = log(problem.step(0).values()) - log(after);
      return dot(z, delta) + 0.25 * dot(at, at);
    };
    const Vec mean_before = t == 0 ? Vec(2) : to_vec(method.state().tensors.at("adam.mean"));
    method.after_step({&*after.begin(), 2});
    const Vec mean_after = to_vec(method.state().tensors.at("adam.mean"));
    for (int i = 0; i < 2; ++i) {
      const double h = 1e-6;
      Vec up = xi;
      Vec down = xi;
      up[i] += h;
      down[i] -= h;
      const double gradient = (mean_after[i] - 0.9 * mean_before[i]) / 0.1;
      CHECK(gradient == doctest::Approx((rate(up) - rate(down)) / (2 * h)).epsilon(1e-5));
    }
  }
}

TEST_CASE("stch: logarithms in the warm-up, then K softmax(log(L / nadir) / mu) / L") {
  const SmallProblem problem(kTasks);
  Stch method(kTasks, {.mu = 0.3, .warmup_steps = 2});
  CHECK(mismatch(method, problem, 0, inverse(problem.step(0).values())) < 1e-13);
  CHECK(mismatch(method, problem, 1, inverse(problem.step(1).values())) < 1e-13);
  const Vec nadir = 0.5 * (problem.step(0).values() + problem.step(1).values());
  const Vec losses = problem.step(2).values();
  double e[kTasks];
  for (int i = 0; i < kTasks; ++i) e[i] = std::pow(losses[i] / nadir[i], 1 / 0.3);
  const double total = e[0] + e[1] + e[2];
  Vec w(kTasks);
  for (int i = 0; i < kTasks; ++i) w[i] = 3 * e[i] / total / losses[i];
  CHECK(mismatch(method, problem, 2, w) < 1e-12);
}

TEST_CASE("loss methods: options and losses out of range are refused") {
  CHECK_THROWS_AS(Dtp(0), ConfigError);
  CHECK_THROWS_AS(Dtp(2, {.newest = 0}), ConfigError);
  CHECK_THROWS_AS(Dwa(2, {.temperature = 0}), ConfigError);
  CHECK_THROWS_AS(Cov(0), ConfigError);
  CHECK_THROWS_AS(UwSo({.temperature = -1}), ConfigError);
  CHECK_THROWS_AS(Famo(2, {.lower_bounds = {1}}), ConfigError);
  CHECK_THROWS_AS(Stch(2, {.mu = 0}), ConfigError);
  CHECK_THROWS_AS(ImtlL(2, {.weight_lr = -1}), ConfigError);
  const SmallProblem problem(2);
  List<Var> losses = problem.losses();
  losses[1] = losses[1] - 1e6;
  Step step(std::move(losses), problem.model);
  for (const char* name :
       {"scale_invariant", "gls", "dtp", "cov", "uw_so", "famo", "stch", "db_mtl"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(static_cast<void>(make_balancer(name, 2)->backward(step)), NumericError);
  }
}

}  // namespace
}  // namespace taskgrad
