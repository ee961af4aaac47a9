// Methods that look ahead: their derivatives against those through the graph of the inner step,
// which this engine can differentiate exactly, and against differences.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/auto_lambda.h>
#include <taskgrad/balancers/forum.h>
#include <taskgrad/balancers/look_ahead.h>
#include <taskgrad/balancers/moml.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include "problem.h"
#include <cmath>

namespace taskgrad {
namespace {

using test::SmallProblem;

constexpr double kRate = 0.05;

// dL_j^val(theta'(w))/dw_i through theta' = theta - rate grad sum_i w_i L_i, recorded.
Matrix through_the_graph(const SmallProblem& problem, const Vec& weights) {
  const int tasks = problem.model.tasks();
  const auto& model = problem.model;
  List<Var> leaves;
  for (const auto& [name, parameter] : model.all()) leaves.push_back(parameter.value());
  List<Var> w;
  Var total;
  const List<Var> losses = problem.losses(0);
  for (int i = 0; i < tasks; ++i) {
    w.push_back(leaf(Tensor::scalar(weights[i], DType::f64)));
    const Var term = w.back() * losses[std::size_t(i)];
    total = i == 0 ? term : total + term;
  }
  const List<Var> slopes = grad(total, leaves, {.create_graph = true});
  List<Var> ahead;
  for (std::size_t k = 0; k < leaves.size(); ++k) ahead.push_back(leaves[k] - slopes[k] * kRate);
  const nn::Substitution there(model.all(), ahead);
  const List<Var> validation = problem.losses(1001);
  Matrix result(tasks, tasks);
  for (int j = 0; j < tasks; ++j) {
    const List<Var> found = grad(validation[std::size_t(j)], w);
    for (int i = 0; i < tasks; ++i) result(j, i) = found[std::size_t(i)].item();
  }
  return result;
}

TEST_CASE("auto_lambda: the derivative in the weights is that through the inner step") {
  const SmallProblem problem(3, 1, 2);
  AutoLambda method(3, {.look_ahead = kRate, .initial_weight = 0.7});
  Step step = problem.whole_step(0);
  const Vec found = method.weight_gradients(step);
  const Matrix graph = through_the_graph(problem, Vec(3, 0.7));
  for (int i = 0; i < 3; ++i) {
    CHECK(found[i] == doctest::Approx(graph(0, i) + graph(1, i) + graph(2, i)).epsilon(1e-11));
  }
}

TEST_CASE("auto_lambda: the derivative by differences, the network's step, and the floor of 0") {
  const SmallProblem problem(2, 1, 2);
  const auto validation = [&](const Vec& w) {
    Step step = problem.whole_step(0);
    const Step ahead = step_at(step, moved(current_point(step), step.combine(w, w), kRate), 1);
    return sum(ahead.values());
  };
  AutoLambda method(2, {.weight_lr = 0.3, .look_ahead = kRate, .initial_weight = 0.2});
  Step step = problem.whole_step(0);
  const Vec found = method.weight_gradients(step);
  for (int i = 0; i < 2; ++i) {
    Vec up{0.2, 0.2};
    Vec down = up;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    CHECK(found[i] == doctest::Approx((validation(up) - validation(down)) / 2e-5).epsilon(1e-6));
  }
  const Gradients update = method.backward(step);
  Step plain = problem.step(0);
  CHECK(test::relative_difference(update, plain.of(plain.weighted({0.2, 0.2}))) < 1e-12);
  for (int i = 0; i < 2; ++i) {  // Adam's first step, cut at 0
    CHECK(method.weights()[i] == doctest::Approx(found[i] < 0 ? 0.5 : 0.0).epsilon(1e-5));
  }
}

TEST_CASE("moml: the upper gradients are those through the inner step") {
  const SmallProblem problem(3, 1, 2);
  const Moml method(3, {.look_ahead = kRate});
  Step step = problem.whole_step(0);
  const Matrix found = method.upper_gradients(step);
  const Matrix graph = through_the_graph(problem, Vec(3, 1.0));
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 3; ++i) CHECK(found(j, i) == doctest::Approx(graph(j, i)).epsilon(1e-10));
  }
}

TEST_CASE("moml: the weights move so that no validation loss rises, and keep their sum") {
  const SmallProblem problem(3, 1, 2);
  Moml method(3, {.weight_lr = 1e-3, .look_ahead = kRate});
  Step step = problem.whole_step(0);
  const Matrix g = method.upper_gradients(step);
  Step again = problem.whole_step(0);
  const Gradients update = method.backward(again);
  Step plain = problem.step(0);
  CHECK(test::relative_difference(update, plain.of(plain.weighted(Vec(3, 1.0)))) < 1e-12);
  CHECK(sum(method.weights()) == doctest::Approx(3).epsilon(1e-14));
  // Along MGDA's direction d, g_j.d >= |d|^2; the projection takes out its mean, as the sum is
  // fixed.
  Vec best;
  double shortest = 1e300;
  for (int a = 0; a <= 50; ++a) {
    for (int b = 0; a + b <= 50; ++b) {
      const Vec c{a / 50.0, b / 50.0, (50 - a - b) / 50.0};
      Vec d(3);
      for (int j = 0; j < 3; ++j) {
        for (int i = 0; i < 3; ++i) d[i] += c[j] * g(j, i);
      }
      if (dot(d, d) < shortest) {
        shortest = dot(d, d);
        best = d;
      }
    }
  }
  const Vec moved = (-1 / 1e-3) * (method.weights() - Vec(3, 1.0));
  const Vec expected = best - Vec(3, mean(best));
  CHECK(test::length(moved - expected) < 0.1 * test::length(best));
}

// The minimum of |J'l + v q|^2 / 2 - v level over the simplex and v >= 0, on a grid of both.
TEST_CASE("forum: no point of a grid has a lower objective, and d falls along q as demanded") {
  for (std::uint64_t draw = 0; draw < 10; ++draw) {
    CAPTURE(draw);
    const Matrix rows = test::random_rows(3, 5, Rng(8).stream(draw));
    const Matrix m = test::gramian_of(rows);
    const double level = 0.5 * m(2, 2);
    const auto objective = [&](const Vec& x) { return 0.5 * dot(x, m * x) - x[2] * level; };
    const Vec found = Forum::solve(m, level);
    CHECK(found[0] + found[1] == doctest::Approx(1).epsilon(1e-12));
    for (int i = 0; i < 3; ++i) CHECK(found[i] >= 0);
    double best = 1e300;
    for (int a = 0; a <= 100; ++a) {
      for (int v = 0; v <= 400; ++v)
        best = std::min(best, objective({a / 100.0, 1 - a / 100.0, v / 100.0}));
    }
    CHECK(objective(found) <= best + 1e-12);
    CHECK((m * found)[2] >= level * (1 - 1e-9));  // d.q >= level
  }
}

TEST_CASE("forum: the update is the combination of both levels, and weights keep their sum") {
  const SmallProblem problem(2, 1, 2);
  Forum method(2, {.look_ahead = kRate, .steps = 1, .rho = 0.5, .newest = 1});
  Step step = problem.whole_step(0);
  const Gradients update = method.backward(step);
  Step own = problem.step(0);
  Step further = problem.step(1001);
  const Gradients lower = own.of(own.loss(0) + own.loss(1));
  const Vec l = to_vec(method.state().tensors.at("shares"));
  CHECK(sum(l) == doctest::Approx(1));
  // update = l_1 F_1 + l_2 F_2 + v f: v from one parameter, then all of them must agree.
  const Gradients upper = further.combine(l, l);
  const double v = (dot(update, lower) - dot(upper, lower)) / dot(lower, lower);
  CHECK(v >= 0);
  Gradients expected = upper;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    expected[k].value = kernels::add(upper[k].value, kernels::scale(lower[k].value, v));
  }
  CHECK(test::relative_difference(update, expected) < 1e-10);
  CHECK(sum(method.weights()) == doctest::Approx(2).epsilon(1e-12));
  // d.grad q >= rho |grad q|^2, with dq/da_i = L_i - L_i after the look ahead.
  const double rate = kRate / std::sqrt(dot(lower, lower));  // a step of length kRate
  const Step ahead = step_at(step, moved(current_point(step), lower, rate), 0);
  const Vec fell = own.values() - ahead.values();
  const double square = dot(lower, lower) + dot(fell, fell);
  CHECK(dot(update, lower) + v * dot(fell, fell) >= 0.5 * square * (1 - 1e-9));
}

TEST_CASE("bilevel: looking ahead leaves the model as it was") {
  const SmallProblem problem(2, 1, 2);
  const Vec before = problem.step(0).values();
  for (const char* name : {"auto_lambda", "moml", "forum"}) {
    Step step = problem.whole_step(0);
    static_cast<void>(make_balancer(name, 2)->backward(step));
    CHECK(problem.step(0).values() == before);
  }
  CHECK_THROWS_AS(AutoLambda(2, {.weight_lr = -1}), ConfigError);
  CHECK_THROWS_AS(Moml(0), ConfigError);
  CHECK_THROWS_AS(Forum(2, {.steps = 0}), ConfigError);
}

}  // namespace
}  // namespace taskgrad
