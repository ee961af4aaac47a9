// The methods that keep or compare whole gradients: each against its recursion, written out.
#include <taskgrad/balancers/db_mtl.h>
#include <taskgrad/balancers/double_sampling.h>
#include <taskgrad/balancers/excess_mtl.h>
#include <taskgrad/balancers/graddrop.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/maxgnr.h>
#include <taskgrad/balancers/moco.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include "problem.h"
#include <cmath>

namespace taskgrad {
namespace {

using test::all_present, test::combination, test::length, test::SmallProblem;

Vec row(const Matrix& rows, int i) {
  Vec result(rows.columns());
  for (int k = 0; k < result.size(); ++k) result[k] = rows(i, k);
  return result;
}

TEST_CASE("graddrop: every coordinate is the sum of its positives or of its negatives") {
  GradDrop method({.seed = 5});
  const Matrix rows = test::random_rows(4, 500, Rng(1));
  const Vec d = to_vec(method.direction(to_tensor(rows), all_present(4)));
  int positive = 0;
  double expected_positive = 0;
  for (int k = 0; k < 500; ++k) {
    double up = 0;
    double down = 0;
    for (int i = 0; i < 4; ++i) (rows(i, k) > 0 ? up : down) += rows(i, k);
    CHECK((std::abs(d[k] - up) < 1e-12 || std::abs(d[k] - down) < 1e-12));
    positive += std::abs(d[k] - up) < 1e-12 ? 1 : 0;
    expected_positive += up / (up - down);  // P = (1 + sum g / sum |g|) / 2
  }
  CHECK(positive == doctest::Approx(expected_positive).epsilon(0.1));
  GradDrop open({.leak = 1});
  CHECK(length(to_vec(open.direction(to_tensor(rows), all_present(4))) -
               combination(rows, Vec(4, 1.0))) < 1e-12);
  CHECK_THROWS_AS(GradDrop({.leak = 2}), ConfigError);
}

TEST_CASE("moco: tracked gradients, a projected step on the weights, their combination") {
  MoCo method(2, {.tracking_rate = 0.6, .weight_rate = 0.05, .rho = 0.2});
  Matrix y(2, 5);
  Vec l{0.5, 0.5};
  for (int k = 1; k <= 5; ++k) {
    const Matrix rows = test::random_rows(2, 5, Rng(2).stream(std::uint64_t(k)));
    const double b = 0.6 / std::sqrt(k);
    for (int i = 0; i < 2; ++i) {
      for (int c = 0; c < 5; ++c) y(i, c) -= b * (y(i, c) - rows(i, c));
    }
    const Vec step = test::gramian_of(y) * l + 0.2 * l;
    Vec moved = l - (0.05 / std::sqrt(k)) * step;
    // The projection on the simplex of two: a shift, cut at the ends.
    const double shift = (moved[0] + moved[1] - 1) / 2;
    l = {std::min(std::max(moved[0] - shift, 0.0), 1.0), 0};
    l[1] = 1 - l[0];
    const Vec d = to_vec(method.direction(to_tensor(rows), all_present(2)));
    CHECK(length(d - combination(y, l)) < 1e-12);
    CHECK(method.weights()[0] == doctest::Approx(l[0]).epsilon(1e-12));
  }
}

// J_1 J_2' from two batches, computed here by grad of each loss and each batch.
Matrix sampled_product(const SmallProblem& problem, std::uint64_t batch) {
  Step first = problem.step(1000 * (batch + 1) + 1);
  Step second = problem.step(1000 * (batch + 1) + 2);
  const Matrix x = to_matrix(first.rows());
  const Matrix y = to_matrix(second.rows());
  Matrix product(2, 2);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) product(i, j) = dot(row(x, i), row(y, j));
  }
  return product;
}

TEST_CASE("modo: a projected step along J_1 J_2' l + rho l, then J'l of the step's own batch") {
  const SmallProblem problem(2, 1, 2);
  MoDo method(2, {.weight_rate = 0.3, .rho = 0.1});
  Vec l{0.5, 0.5};
  for (std::uint64_t t = 0; t < 4; ++t) {
    l = solvers::project_simplex(l - 0.3 * (sampled_product(problem, t) * l + 0.1 * l));
    Step step = problem.whole_step(t);
    const Gradients update = method.backward(step);
    Step plain = problem.step(t);
    CHECK(test::relative_difference(update, plain.combine(l, {1, 1})) < 1e-12);
    CHECK(method.weights()[0] == doctest::Approx(l[0]).epsilon(1e-12));
  }
  CHECK(l[0] != 0.5);
}

TEST_CASE("sdmgrad: converged w meets the conditions of its minimum on the simplex") {
  const Matrix rows = test::random_rows(3, 20, Rng(4));
  const Matrix a = test::gramian_of(rows);
  const double lambda = 0.4;
  const SdmGrad method({.lambda = lambda, .iterations = 5000, .rate = 0.05, .momentum = 0.5});
  const Vec w = method.solve(a);
  const Vec slope = a * w + lambda * (a * Vec(3, 1.0 / 3));
  CHECK(sum(w) == doctest::Approx(1));
  double level = 1e300;
  for (int i = 0; i < 3; ++i) level = std::min(level, slope[i]);
  for (int i = 0; i < 3; ++i) {
    if (w[i] > 1e-9) CHECK(slope[i] == doctest::Approx(level).epsilon(1e-6));
  }
}

TEST_CASE("sdmgrad: d mixes w and the mean by lambda") {
  const SmallProblem problem(2, 1, 2);
  SdmGrad method({.lambda = 0.5});
  const Vec w = method.solve(sampled_product(problem, 0));
  Step step = problem.whole_step(0);
  const Gradients update = method.backward(step);
  Step plain = problem.step(0);
  const Vec expected{(w[0] + 0.25) / 1.5, (w[1] + 0.25) / 1.5};
  CHECK(test::relative_difference(update, plain.combine(expected, {1, 1})) < 1e-12);
}

TEST_CASE("db_mtl: running gradients of log losses, all of the longest's length, heads by 1 / L") {
  DbMtl method(2, {.beta = 0.5, .decay = 0.5});
  Matrix y(2, 6);
  for (int k = 1; k <= 4; ++k) {
    const Matrix rows = test::random_rows(2, 6, Rng(6).stream(std::uint64_t(k)));
    Present present = all_present(2);
    present.losses = {0.5 * k, 20};
    const double beta = 0.5 / std::sqrt(k);
    for (int i = 0; i < 2; ++i) {
      for (int c = 0; c < 6; ++c) {
        y(i, c) = beta * y(i, c) + (1 - beta) * rows(i, c) / present.losses[i];
      }
    }
    const double a = length(row(y, 0));
    const double b = length(row(y, 1));
    const Vec d = to_vec(method.direction(to_tensor(rows), present));
    const Vec expected = std::max(a, b) * ((1 / a) * row(y, 0) + (1 / b) * row(y, 1));
    CHECK(length(d - expected) < 1e-6 * length(expected));
  }
  const SmallProblem problem(2);
  DbMtl fresh(2);
  Step step = problem.step();
  const Gradients update = fresh.backward(step);
  Step plain = problem.step();
  const Vec inverse{1 / step.values()[0], 1 / step.values()[1]};
  const Gradients heads = plain.combine({1, 1}, inverse);
  for (std::size_t k = problem.model.shared().size(); k < heads.size(); ++k) {
    const double error = kernels::norm(kernels::sub(update[k].value, heads[k].value)).item();
    CHECK(error < 1e-6 * kernels::norm(heads[k].value).item());
  }
}

TEST_CASE("excess_mtl: exponentiated estimates of the excess risk, sum K") {
  const SmallProblem problem(2, 1, 2);
  ExcessMtl method(2, {.rate = 0.7, .warmup_steps = 1});
  Matrix s(2, 1);
  Vec w{1, 1};
  Vec initial;
  for (std::uint64_t t = 0; t < 4; ++t) {
    Step plain = problem.step(t);
    const Matrix g = to_matrix(plain.rows());
    if (t == 0) s = Matrix(2, g.columns());
    Vec e(2);
    for (int i = 0; i < 2; ++i) {
      for (int k = 0; k < g.columns(); ++k) {
        s(i, k) += g(i, k) * g(i, k);
        e[i] += g(i, k) * g(i, k) / std::sqrt(s(i, k) + 1e-7);
      }
    }
    if (t == 0) initial = e;
    for (int i = 0; i < 2 && t > 0; ++i) w[i] *= std::exp(0.7 * e[i] / initial[i]);
    w *= 2 / sum(w);
    Step step = problem.step(t);
    CHECK(test::relative_difference(method.backward(step), plain.combine(w, w)) < 1e-12);
    CHECK(sum(method.weights()) == doctest::Approx(2).epsilon(1e-14));
  }
  CHECK(w[0] != doctest::Approx(1).epsilon(1e-3));
}

TEST_CASE("imtl: imtl_g on the gradients of scaled losses, which the heads get") {
  const SmallProblem problem(2, 1, 5);
  Imtl method(2, {.weight_lr = 0.2});
  for (std::uint64_t t = 0; t < 5; ++t) {
    const Vec scale = method.weights();
    Step plain = problem.step(t);
    const Matrix& m = plain.gramian();
    const double a = scale[0] * std::sqrt(m(0, 0));  // norms of the scaled gradients
    const double b = scale[1] * std::sqrt(m(1, 1));
    const Vec shared{scale[0] * b / (a + b), scale[1] * a / (a + b)};
    Step step = problem.step(t);
    CHECK(test::relative_difference(method.backward(step), plain.combine(shared, scale)) < 1e-9);
  }
  // Against imtl_l on the same losses: the scales are learnt alike.
  Imtl one(2, {.weight_lr = 0.2});
  ImtlL other(2, {.weight_lr = 0.2});
  for (std::uint64_t t = 0; t < 5; ++t) {
    Step a = problem.step(t);
    Step b = problem.step(t);
    static_cast<void>(one.backward(a));
    static_cast<void>(other.backward(b));
    for (int i = 0; i < 2; ++i) CHECK(one.weights()[i] == doctest::Approx(other.weights()[i]));
  }
}

// M and Q of K tasks whose gradients are mean + noise.
struct Moments {
  Matrix m;
  Matrix q;
};
Moments moments(int tasks, std::uint64_t seed) {
  const Matrix means = test::random_rows(tasks, 6, Rng(seed).stream("means"));
  Matrix m = test::gramian_of(means);
  Matrix q = m;
  const Matrix noise = test::random_rows(tasks, 6, Rng(seed).stream("noise"));
  const Matrix n = test::gramian_of(noise);
  for (int i = 0; i < tasks; ++i) {
    for (int j = 0; j < tasks; ++j) q(i, j) += 2 * n(i, j);
  }
  return {m, q};
}

// sum_i log GNR_i as the header has it, with all loops.
double log_gnr(const Moments& given, const Vec& w) {
  double total = 0;
  for (int i = 0; i < w.size(); ++i) {
    double noise = w[i] * w[i] * (given.q(i, i) - given.m(i, i));
    for (int j = 0; j < w.size(); ++j) {
      for (int k = 0; k < w.size(); ++k) {
        if (j != i && k != i) noise += w[j] * w[k] * given.q(j, k);
      }
    }
    total += std::log(w[i] * w[i] * given.m(i, i) / noise);
  }
  return total;
}

TEST_CASE("maxgnr: two tasks by the formula") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Moments given = moments(2, seed);
    const Matrix& q = given.q;
    const Matrix& m = given.m;
    const Vec w = MaxGnr::maximize(m, q, {1, 1});
    const double expected =
        std::sqrt((q(1, 1) - m(1, 1)) * q(1, 1) / ((q(0, 0) - m(0, 0)) * q(0, 0)));
    CHECK(w[0] * w[0] / (w[1] * w[1]) == doctest::Approx(expected).epsilon(1e-9));
    CHECK(sum(w) == doctest::Approx(2));
    CHECK(MaxGnr::objective(m, q, w) == doctest::Approx(log_gnr(given, w)));
  }
}

TEST_CASE("maxgnr: no point of a fine grid does better, for two and three tasks") {
  constexpr int kParts = 120;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    for (const int tasks : {2, 3}) {
      const Moments given = moments(tasks, seed);
      const double found = log_gnr(given, MaxGnr::maximize(given.m, given.q, Vec(tasks, 1.0)));
      double best = -1e300;
      for (int i = 1; i < kParts; ++i) {
        if (tasks == 2) {
          best = std::max(best, log_gnr(given, {double(i), double(kParts - i)}));
          continue;
        }
        for (int j = 1; i + j < kParts; ++j) {
          best = std::max(best, log_gnr(given, {double(i), double(j), double(kParts - i - j)}));
        }
      }
      CHECK(found >= best - 1e-12);
    }
  }
}

TEST_CASE("maxgnr: means move by their momentum, and weights keep their sum") {
  const SmallProblem problem(2, 1, 2);
  MaxGnr method(2, {.momentum = 0.8});
  Matrix mean;
  Matrix q(2, 2);
  for (std::uint64_t t = 0; t < 4; ++t) {
    Step plain = problem.step(t);
    const Matrix g = to_matrix(plain.rows());
    if (t == 0) mean = g;
    for (int i = 0; i < 2; ++i) {
      for (int k = 0; k < g.columns(); ++k) mean(i, k) += 0.2 * (g(i, k) - mean(i, k));
      for (int j = 0; j < 2; ++j) {
        const double now = dot(row(g, i), row(g, j));
        q(i, j) = t == 0 ? now : q(i, j) + 0.2 * (now - q(i, j));
      }
    }
    Step step = problem.step(t);
    static_cast<void>(method.backward(step));
    CHECK(sum(method.weights()) == doctest::Approx(2).epsilon(1e-12));
    if (t == 0) {
      CHECK(method.weights() == Vec{1, 1});  // no noise is known yet
      continue;
    }
    const Matrix m = test::gramian_of(mean);
    const double expected =
        std::sqrt((q(1, 1) - m(1, 1)) * q(1, 1) / ((q(0, 0) - m(0, 0)) * q(0, 0)));
    const Vec w = method.weights();
    CHECK(w[0] * w[0] / (w[1] * w[1]) == doctest::Approx(expected).epsilon(1e-8));
  }
}

TEST_CASE("row methods: options out of range are refused") {
  CHECK_THROWS_AS(MoCo(2, {.tracking_rate = 0}), ConfigError);
  CHECK_THROWS_AS(MoDo(2, {.rho = -1}), ConfigError);
  CHECK_THROWS_AS(SdmGrad({.momentum = 1}), ConfigError);
  CHECK_THROWS_AS(DbMtl(2, {.beta = 1}), ConfigError);
  CHECK_THROWS_AS(ExcessMtl(2, {.rate = -1}), ConfigError);
  CHECK_THROWS_AS(MaxGnr(2, {.momentum = 1}), ConfigError);
}

}  // namespace
}  // namespace taskgrad
