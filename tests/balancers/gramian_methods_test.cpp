// The other methods that weigh by the Gramian: the equation that defines each, its two-task closed
// form, and what it shares with others.
#include <taskgrad/balancers/aligned_mtl.h>
#include <taskgrad/balancers/bargaining.h>
#include <taskgrad/balancers/cagrad.h>
#include <taskgrad/balancers/config.h>
#include <taskgrad/balancers/cr_mogm.h>
#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/robust.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include "problem.h"
#include "weighing.h"
#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

using test::all_present, test::combination, test::gramian_of, test::length, test::two_rows;
using test::cosine, test::full_rank_rows, test::kCosines, test::row_length, test::weights_of;

TEST_CASE("mgda: d.g_i >= |d|^2, with equality where a_i > 0") {
  for (const Matrix& rows : full_rank_rows()) {
    Mgda method;
    const Matrix m = gramian_of(rows);
    const Vec a = weights_of(method, rows);
    const Vec products = m * a;
    const double square = dot(a, products);
    CHECK(sum(a) == doctest::Approx(1));
    for (int i = 0; i < a.size(); ++i) {
      CHECK(products[i] >= square * (1 - 1e-9));
      if (a[i] > 0) CHECK(products[i] == doctest::Approx(square).epsilon(1e-9));
    }
  }
}

TEST_CASE("mgda: normalised, the conditions hold for the normalised gradients") {
  const Matrix rows = test::scaled_rows(test::random_rows(3, 8, Rng(3)), {1, 30, 0.2});
  Present present = all_present(3);
  present.losses = {0.5, 7, 2};
  const Matrix m = gramian_of(rows);
  using enum MgdaNormalization;
  for (const auto kind : {none, l2, loss, loss_l2}) {
    Mgda method({.normalization = kind});
    const Vec a = method.gramian_weights(m, present);
    Vec divisor(3, 1.0);
    for (int i = 0; i < 3; ++i) {
      if (kind == l2 || kind == loss_l2) divisor[i] *= row_length(m, i);
      if (kind == loss || kind == loss_l2) divisor[i] *= present.losses[i];
    }
    const Matrix scaled = test::scaled_rows(rows, {1 / divisor[0], 1 / divisor[1], 1 / divisor[2]});
    const Vec d = combination(scaled, a);
    for (int i = 0; i < 3; ++i) {
      double along = 0;
      for (int k = 0; k < 8; ++k) along += scaled(i, k) * d[k];
      CHECK(along >= dot(d, d) * (1 - 1e-9));
      if (a[i] > 0) CHECK(along == doctest::Approx(dot(d, d)).epsilon(1e-9));
    }
  }
  present.losses[1] = -1;
  CHECK_THROWS_AS(Mgda({.normalization = loss}).gramian_weights(m, present), NumericError);
}

TEST_CASE("mgda and aligned_mtl: upper bounds take the gradients at the trunk's output") {
  const test::SmallProblem problem(3, 1, 2);
  const Tensor x = Rng(4).uniform({5, 6}, -1, 1, DType::f64);
  const Var z = problem.model.represent(constant(x));
  List<Var> losses;
  for (const Var& prediction : problem.model.predict(z)) {
    losses.push_back(nn::mse(prediction, Rng(losses.size()).uniform({5, 3}, -1, 1, DType::f64)));
  }
  Mgda shortest({.scope = Scope::representation});
  AlignedMtl aligned({.scope = Scope::representation});
  for (Aggregator* method :
       {static_cast<Aggregator*>(&shortest), static_cast<Aggregator*>(&aligned)}) {
    Step step(losses, problem.model, {.representation = z});
    const Gradients update = method->backward(step);
    CHECK(step.backward_passes() == 4);
    const Vec a = method->gramian_weights(step.gramian(Scope::representation), step.present());
    CHECK(test::relative_difference(update, step.combine(a, Vec(3, 1.0))) < 1e-12);
  }
}

TEST_CASE("imtl_g: equal projections on all unit gradients, weights sum to 1") {
  for (const Matrix& rows : full_rank_rows()) {
    ImtlG method;
    const Vec a = weights_of(method, rows);
    CHECK(sum(a) == doctest::Approx(1).epsilon(1e-12));
    const Vec d = combination(rows, a);
    for (int i = 1; i < rows.rows(); ++i) {
      CHECK(cosine(rows, i, d) == doctest::Approx(cosine(rows, 0, d)).epsilon(1e-9));
    }
  }
}

TEST_CASE("imtl_g: two tasks by the formula, up to opposite gradients") {
  for (const double c : {-1.0, -0.99, 0.0, 0.5}) {
    ImtlG method;
    const Vec a = weights_of(method, two_rows(2, 6, c));
    CHECK(a[0] == doctest::Approx(0.75).epsilon(1e-9));
    CHECK(a[1] == doctest::Approx(0.25).epsilon(1e-9));
  }
}

// Two rows whose angle differs from a half turn by `angle`, in no special position.
Matrix nearly_opposite(double ratio, double angle) {
  Matrix rows(2, 2);
  rows(0, 0) = 0.73, rows(0, 1) = 0.31;
  rows(1, 0) = ratio * (-0.73 - angle * 0.31), rows(1, 1) = ratio * (-0.31 + angle * 0.73);
  return rows;
}

TEST_CASE("imtl_g and config: gradients that turn opposite give no noise for a direction") {
  for (const double ratio : {1.0, 3.0, 1e3, 1e-4}) {
    for (int digits = 1; digits <= 17; ++digits) {
      const double angle = std::pow(10.0, -digits);
      const Matrix rows = nearly_opposite(ratio, angle);
      const double other = ratio * std::sqrt(1 + angle * angle);
      ImtlG impartial;
      const Vec a = weights_of(impartial, rows);
      CHECK(a[0] == doctest::Approx(other / (1 + other)).epsilon(1e-6));
      CHECK(a[1] == doctest::Approx(1 / (1 + other)).epsilon(1e-6));
      // ConFIG's d has the length of the sum of projections, which goes to 0 with the cosine.
      ConFig equal_angles;
      const double d = length(combination(rows, weights_of(equal_angles, rows)));
      CHECK(d <= (2 * angle + 1e-5) * (1 + ratio));
    }
  }
}

TEST_CASE("nash_mtl: M w = 1 / w, so that |d|^2 = K") {
  for (const Matrix& rows : full_rank_rows()) {
    NashMtl method;
    const Matrix m = gramian_of(rows);
    const Vec w = weights_of(method, rows);
    const Vec d = combination(rows, w);
    CHECK(dot(d, d) == doctest::Approx(rows.rows()).epsilon(1e-10));
    for (int i = 0; i < w.size(); ++i) {
      CHECK(w[i] > 0);
      CHECK((m * w)[i] * w[i] == doctest::Approx(1).epsilon(1e-10));
    }
  }
}

TEST_CASE("nash_mtl: two tasks by the formula, orthogonal ones, rescaled ones, and the clip") {
  NashMtl method;
  for (const double c : kCosines) {
    const Vec w = weights_of(method, two_rows(2, 0.01, c));
    CHECK(w[0] == doctest::Approx(1 / (2 * std::sqrt(1 + c))).epsilon(1e-10));
    CHECK(w[1] == doctest::Approx(1 / (0.01 * std::sqrt(1 + c))).epsilon(1e-10));
  }
  Matrix axes(3, 3);
  axes(0, 0) = 1e-5, axes(1, 1) = 2, axes(2, 2) = 1e5;
  const Vec w = weights_of(method, axes);
  for (int i = 0; i < 3; ++i) CHECK(w[i] * axes(i, i) == doctest::Approx(1).epsilon(1e-12));

  const Matrix rows = test::random_rows(4, 9, Rng(8));
  const Vec d = combination(rows, weights_of(method, rows));
  const Matrix other = test::scaled_rows(rows, {1e4, 1, 1e-4, 10});
  CHECK(length(combination(other, weights_of(method, other)) - d) < 1e-8 * length(d));
  NashMtl clipped({.max_norm = 1});
  CHECK(length(combination(rows, weights_of(clipped, rows))) == doctest::Approx(1));
}

TEST_CASE("fairgrad: M w = w^(-1/alpha)") {
  for (const double alpha : {0.5, 1.0, 2.0, 5.0}) {
    for (const Matrix& rows : full_rank_rows()) {
      FairGrad method({.alpha = alpha});
      const Matrix m = gramian_of(rows);
      const Vec w = weights_of(method, rows);
      for (int i = 0; i < w.size(); ++i) {
        CHECK(w[i] > 0);
        CHECK((m * w)[i] * std::pow(w[i], 1 / alpha) == doctest::Approx(1).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("fairgrad: alpha = 1 is nash_mtl, 0 is equal weights, large is max-min") {
  const Matrix rows = test::random_rows(3, 6, Rng(4));
  FairGrad one({.alpha = 1});
  NashMtl nash;
  CHECK(length(weights_of(one, rows) - weights_of(nash, rows)) < 1e-10);
  FairGrad zero({.alpha = 0});
  CHECK(weights_of(zero, rows) == Vec(3, 1.0));
  // Max-min over directions of one length is MGDA's, the shortest vector of the hull.
  FairGrad large({.alpha = 1e4});
  Mgda shortest;
  const Vec d = combination(rows, weights_of(large, rows));
  const Vec e = combination(rows, weights_of(shortest, rows));
  CHECK(length((1 / length(d)) * d - (1 / length(e)) * e) < 1e-2);
}

TEST_CASE("fairgrad: all losses scaled by s scale w by s^(-2 alpha / (1 + alpha))") {
  const Matrix rows = test::random_rows(3, 6, Rng(4));
  for (const double alpha : {0.5, 2.0}) {
    FairGrad method({.alpha = alpha});
    const Vec w = weights_of(method, rows);
    const Vec v = weights_of(method, test::scaled_rows(rows, {7}));
    for (int i = 0; i < 3; ++i) {
      CHECK(v[i] / w[i] == doctest::Approx(std::pow(7, -2 * alpha / (1 + alpha))).epsilon(1e-9));
    }
  }
}

TEST_CASE("aligned_mtl: aligned rows are orthogonal and of one length, that of the scaling") {
  // Norms that stay within eps(f32) of each other, below which a direction counts as missing.
  for (const Matrix& rows : full_rank_rows({1, 5, 0.5})) {
    const int tasks = rows.rows();
    const Matrix m = gramian_of(rows);
    for (const auto scale : {AlignedScale::min, AlignedScale::median, AlignedScale::rmse}) {
      const AlignedMtl method({.scale = scale});
      const Matrix b = method.balance(m);
      Matrix aligned(tasks, rows.columns());
      for (int i = 0; i < tasks; ++i) {
        for (int j = 0; j < tasks; ++j) {
          for (int k = 0; k < rows.columns(); ++k) aligned(i, k) += b(i, j) * rows(j, k);
        }
      }
      const Matrix c = gramian_of(aligned);
      for (int i = 0; i < tasks; ++i) {
        for (int j = 0; j < tasks; ++j) {
          CHECK(c(i, j) == doctest::Approx(i == j ? c(0, 0) : 0.0).epsilon(1e-6).scale(c(0, 0)));
        }
      }
      // The mean eigenvalue is the mean square length; the least is at most any row's.
      if (scale == AlignedScale::rmse) CHECK(c(0, 0) == doctest::Approx(trace(m) / tasks));
      for (int i = 0; i < tasks && scale == AlignedScale::min; ++i)
        CHECK(c(0, 0) <= m(i, i) * 1.000001);
    }
  }
}

TEST_CASE(
    "aligned_mtl: of two orthogonal gradients the longer is cut to the shorter, mean of both") {
  AlignedMtl method;
  const Vec a = weights_of(method, two_rows(2, 6, 0));
  CHECK(a[0] == doctest::Approx(0.5));
  CHECK(a[1] == doctest::Approx(0.5 / 3));
}

TEST_CASE("config: one positive cosine to every gradient, length the sum of projections") {
  for (const Matrix& rows : full_rank_rows()) {
    ConFig method;
    const Vec d = combination(rows, weights_of(method, rows));
    double projections = 0;
    for (int i = 0; i < rows.rows(); ++i) {
      CHECK(cosine(rows, i, d) == doctest::Approx(cosine(rows, 0, d)).epsilon(1e-9));
      projections += cosine(rows, i, d) * row_length(gramian_of(rows), i);
    }
    CHECK(cosine(rows, 0, d) > 0);
    CHECK(length(d) == doctest::Approx(projections).epsilon(1e-9));
  }
}

TEST_CASE("krum: the gradient nearest to its neighbours, by squared distances") {
  Matrix rows(5, 1);
  for (const auto& [i, x] : {std::pair{0, 0.0}, {1, 1.0}, {2, 1.2}, {3, 1.3}, {4, 100.0}}) {
    rows(i, 0) = x;
  }
  Krum one({.byzantine = 1});  // 2 neighbours: scores 2.44, 0.13, 0.05, 0.10, 19436.93
  CHECK(weights_of(one, rows) == Vec{0, 0, 1, 0, 0});
  Krum two({.byzantine = 1, .selected = 2});
  CHECK(weights_of(two, rows) == Vec{0, 0, 0.5, 0.5, 0});
  CHECK_THROWS_AS(Krum({.selected = 0}), ConfigError);
}

TEST_CASE("trimmed_mean: each coordinate without its extremes") {
  Matrix rows(4, 2);
  const double values[4][2] = {{1, 5}, {2, -9}, {4, 6}, {100, 7}};
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 2; ++k) rows(i, k) = values[i][k];
  }
  TrimmedMean method;
  CHECK(to_vec(method.direction(to_tensor(rows), all_present(4))) == Vec{3, 5.5});
  TrimmedMean most({.trim = 9});
  CHECK(to_vec(most.direction(to_tensor(rows), all_present(4))) == Vec{3, 5.5});
}

TEST_CASE("cr_mogm: an exponential mean of the weights inside, from 1/K") {
  CrMogm method(2, std::make_unique<Mgda>(), {.momentum = 0.75});
  Vec expected{0.5, 0.5};
  for (const double c : kCosines) {
    const Matrix rows = two_rows(1, 3, c);
    Mgda inner;
    const Vec fresh = weights_of(inner, rows);
    expected = 0.75 * expected + 0.25 * fresh;
    const Vec a = weights_of(method, rows);
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
  CHECK_THROWS_AS(CrMogm(2, nullptr), ConfigError);
}

TEST_CASE("gramian methods: options out of range are refused") {
  CHECK_THROWS_AS(GradVac(2, {.beta = 2}), ConfigError);
  CHECK_THROWS_AS(CaGrad({.c = -1}), ConfigError);
  CHECK_THROWS_AS(NashMtl({.max_norm = -1}), ConfigError);
  CHECK_THROWS_AS(FairGrad({.alpha = -1}), ConfigError);
  CHECK_THROWS_AS(TrimmedMean({.trim = -1}), ConfigError);
  CHECK_THROWS_AS(CrMogm(2, std::make_unique<Mgda>(), {.momentum = 1}), ConfigError);
}

}  // namespace
}  // namespace taskgrad
