// The methods that take conflicts between gradients away: the equation that defines each, its
// two-task closed form, and what it shares with others.
#include <taskgrad/balancers/cagrad.h>
#include <taskgrad/balancers/dual_cone.h>
#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/pcgrad.h>
#include <taskgrad/balancers/solvers.h>

#include <doctest/doctest.h>

#include "weighing.h"
#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

using test::all_present, test::combination, test::gramian_of, test::length, test::two_rows;
using test::cosine, test::full_rank_rows, test::kCosines, test::row_length, test::weights_of;

TEST_CASE("pcgrad: two tasks by the formula, sum and mean") {
  for (const double c : kCosines) {
    const Matrix rows = two_rows(2, 3, c);
    const Matrix m = gramian_of(rows);
    PcGrad sum_of;
    PcGrad mean_of({.reduction = nn::Reduction::mean});
    const Vec a = weights_of(sum_of, rows);
    const Vec b = weights_of(mean_of, rows);
    for (int i = 0; i < 2; ++i) {
      const double expected = 1 - std::min(0.0, m(0, 1)) / m(i, i);
      CHECK(a[i] == doctest::Approx(expected).epsilon(1e-14));
      CHECK(b[i] == doctest::Approx(expected / 2).epsilon(1e-14));
    }
  }
}

// Written with the gradients themselves, in every order of the others: one of the sums must be it.
TEST_CASE("pcgrad: three tasks are projected in some order of the others, off the original ones") {
  PcGrad method;
  bool orders_differ = false;
  Vec previous;
  for (int draw = 0; draw < 20; ++draw) {
    const Matrix rows = test::stationary_rows(3, 4, Rng(5));
    const Vec d = combination(rows, weights_of(method, rows));
    double best = 1e300;
    for (int choice = 0; choice < 8; ++choice) {
      Vec total(4);
      for (int i = 0; i < 3; ++i) {
        Vec g(4);
        for (int k = 0; k < 4; ++k) g[k] = rows(i, k);
        int order[] = {(i + 1) % 3, (i + 2) % 3};
        if (choice >> i & 1) std::swap(order[0], order[1]);
        for (const int j : order) {
          Vec other(4);
          for (int k = 0; k < 4; ++k) other[k] = rows(j, k);
          if (dot(g, other) < 0) g = g - (dot(g, other) / dot(other, other)) * other;
        }
        total = total + g;
      }
      best = std::min(best, length(total - d));
    }
    CHECK(best < 1e-12);
    orders_differ = orders_differ || (!previous.empty() && length(previous - d) > 1e-6);
    previous = d;
  }
  CHECK(orders_differ);
}

// The first corrected gradient of two: g_1' = g_1 + a_2 g_2.
TEST_CASE("gradvac: after a correction the cosine is the target") {
  for (const double c : kCosines) {
    GradVac method(2, {.beta = 0.5});
    static_cast<void>(weights_of(method, two_rows(1, 1, 0.8)));  // targets become 0.4
    const Matrix targets = to_matrix(method.state().tensors.at("targets"));
    CHECK(targets(0, 1) == doctest::Approx(0.4));
    const Matrix rows = two_rows(2, 5, c);
    const Vec total = weights_of(method, rows);  // sum of (1, a) and (b, 1)
    if (c >= 0.4) {
      CHECK(total == Vec{1, 1});
      continue;
    }
    const Vec first = combination(rows, {1, total[1] - 1});
    const Vec second = combination(rows, {total[0] - 1, 1});
    CHECK(cosine(rows, 1, first) == doctest::Approx(0.4).epsilon(1e-12));
    CHECK(cosine(rows, 0, second) == doctest::Approx(0.4).epsilon(1e-12));
    const Matrix moved = to_matrix(method.state().tensors.at("targets"));
    CHECK(moved(0, 1) == doctest::Approx(0.5 * 0.4 + 0.5 * c));
  }
}

TEST_CASE("gradvac: with targets at 0 it is pcgrad") {
  for (const double c : kCosines) {
    GradVac vaccine(2, {.beta = 0});
    PcGrad surgery;
    const Vec a = weights_of(vaccine, two_rows(2, 3, c));
    const Vec b = weights_of(surgery, two_rows(2, 3, c));
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  }
}

TEST_CASE("cagrad: d lies on the ball around the mean, and no point of the ball does better") {
  for (const Matrix& rows : full_rank_rows()) {
    const double c = 0.6;
    CaGrad method({.c = c, .rescale = Rescale::none});
    const Vec mean = combination(rows, Vec(rows.rows(), 1.0 / rows.rows()));
    const Vec d = combination(rows, weights_of(method, rows));
    CHECK(length(d - mean) == doctest::Approx(c * length(mean)).epsilon(1e-9));
    const auto worst = [&](const Vec& x) {
      double least = 1e300;
      for (int i = 0; i < rows.rows(); ++i) {
        double along = 0;
        for (int k = 0; k < x.size(); ++k) along += rows(i, k) * x[k];
        least = std::min(least, along);
      }
      return least;
    };
    const double found = worst(d);
    for (std::uint64_t draw = 0; draw < 200; ++draw) {  // other points of the ball, far and near
      Vec off = to_vec(Rng(9).stream(draw).normal({d.size()}, 0, 1, DType::f64));
      const double reach = (draw % 2 == 0 ? 1.0 : 0.02) * c * length(mean) / length(off);
      Vec other = draw % 2 == 0 ? mean + reach * off : d + reach * off;
      const double outside = length(other - mean) / (c * length(mean));
      if (outside > 1) other = mean + (1 / outside) * (other - mean);
      CHECK(worst(other) <= found + 1e-9 * length(mean) * length(mean));
    }
  }
}

TEST_CASE("cagrad: c = 0 is the mean, a large c is mgda's direction, rescaled by the rule") {
  const Matrix rows = test::random_rows(3, 6, Rng(2));
  CaGrad none({.c = 0});
  CHECK(weights_of(none, rows) == Vec(3, 1.0 / 3));
  CaGrad wide({.c = 1e6, .rescale = Rescale::linear});
  Mgda shortest;
  const Vec d = combination(rows, weights_of(wide, rows));
  const Vec e = combination(rows, weights_of(shortest, rows));
  CHECK(length((1 / length(d)) * d - (1 / length(e)) * e) < 1e-5);
  CaGrad plain({.c = 0.5, .rescale = Rescale::none});
  CaGrad squared({.c = 0.5});
  CaGrad linear({.c = 0.5, .rescale = Rescale::linear});
  const Vec a = weights_of(plain, rows);
  for (int i = 0; i < 3; ++i) {
    CHECK(weights_of(squared, rows)[i] == doctest::Approx(a[i] / 1.25));
    CHECK(weights_of(linear, rows)[i] == doctest::Approx(a[i] / 1.5));
  }
}

// v >= u, J d >= 0 and no push from a face that is not touched, for each projection: upgrad's are
// checked through the solver's own test; here d is compared with the mean of its K projections.
TEST_CASE("upgrad: the mean of the projections of each gradient on the dual cone") {
  for (const Matrix& rows : full_rank_rows()) {
    UpGrad method;
    const int tasks = rows.rows();
    const Matrix m = gramian_of(rows);
    const Vec d = combination(rows, weights_of(method, rows));
    Vec expected(d.size());
    for (int i = 0; i < tasks; ++i) {
      Vec unit(tasks);
      unit[i] = 1;
      const Vec v = solvers::project_dual_cone(m, unit);
      const Vec p = combination(rows, v);
      const Vec g = combination(rows, unit);
      // The projection on a cone: p in it, and (g - p).p = 0 with g - p in the polar cone.
      CHECK(dot(g - p, p) == doctest::Approx(0).scale(dot(g, g)).epsilon(1e-9));
      for (int j = 0; j < tasks; ++j) {
        CHECK((m * v)[j] >= -1e-9 * row_length(m, j) * length(g));
        CHECK(v[j] >= unit[j]);
      }
      expected = expected + (1.0 / tasks) * p;
    }
    CHECK(length(d - expected) <= 1e-9 * length(expected));
  }
}

TEST_CASE("upgrad: for two tasks it is pcgrad with the mean") {
  for (const double c : kCosines) {
    UpGrad method;
    PcGrad surgery({.reduction = nn::Reduction::mean});
    const Vec a = weights_of(method, two_rows(2, 7, c));
    const Vec b = weights_of(surgery, two_rows(2, 7, c));
    for (int i = 0; i < 2; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  }
}

TEST_CASE("dual_proj: the nearest direction to the mean that does not conflict") {
  for (const Matrix& rows : full_rank_rows()) {
    DualProj method;
    const Matrix m = gramian_of(rows);
    const int tasks = rows.rows();
    const Vec v = weights_of(method, rows);
    const Vec d = combination(rows, v);
    const Vec mean = combination(rows, Vec(tasks, 1.0 / tasks));
    CHECK(dot(mean - d, d) == doctest::Approx(0).scale(dot(mean, mean)).epsilon(1e-9));
    for (int j = 0; j < tasks; ++j) {
      CHECK((m * v)[j] >= -1e-9 * row_length(m, j) * length(mean));
      CHECK(v[j] >= 1.0 / tasks);
    }
  }
  DualProj method;  // without a conflict the mean itself
  CHECK(weights_of(method, two_rows(1, 4, 0.2)) == Vec{0.5, 0.5});
}

}  // namespace
}  // namespace taskgrad
