// What each method that works on gradients has and has not, on matrices of every kind: properties
// are claimed in one table, and tests run through it.
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include "gramians.h"
#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>

namespace taskgrad {
namespace {

using test::combination, test::gramian_of, test::length, test::NamedRows, test::row_table;

struct Claim {
  std::string name;
  BalancerOptions options = {};
  bool non_conflicting = false;  // d.g_i >= 0 for all i
  bool equivariant = true;       // permuted tasks give the same d
  bool homogeneous = true;       // s J gives s d
  bool stationary = false;  // d = 0 at a Pareto stationary point with a unique null combination
  bool rotates = true;      // J R gives R'd for an orthogonal R
};

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all = {
      {.name = "pcgrad", .equivariant = false},
      {.name = "gradvac", .equivariant = false},
      {.name = "mgda", .non_conflicting = true, .stationary = true},
      {.name = "mgda", .options = {{"normalization", "l2"}}, .homogeneous = true},
      {.name = "cagrad"},
      {.name = "cagrad", .options = {{"c", "1"}}, .non_conflicting = true, .stationary = true},
      {.name = "imtl_g"},
      {.name = "nash_mtl", .non_conflicting = true, .homogeneous = false, .stationary = true},
      {.name = "fairgrad", .non_conflicting = true, .homogeneous = false, .stationary = true},
      {.name = "aligned_mtl"},
      {.name = "upgrad", .non_conflicting = true, .stationary = true},
      {.name = "dual_proj", .non_conflicting = true, .stationary = true},
      {.name = "config", .non_conflicting = false},
      {.name = "krum", .equivariant = true},
      {.name = "cr_mogm"},
      {.name = "graddrop", .equivariant = true, .rotates = false},
      {.name = "trimmed_mean", .rotates = false},
      {.name = "moco", .homogeneous = false},
      {.name = "db_mtl", .options = {{"beta", "0"}}},
  };
  return all;
}

Tensor rows_tensor(const Matrix& rows) { return to_tensor(rows); }

// d of the first step of a new method on the given rows.
Vec direction(const Claim& claim, const Matrix& rows, double loss = 1) {
  const auto method = make_balancer(claim.name, rows.rows(), claim.options);
  const Present present = test::all_present(rows.rows(), loss);
  if (auto* by_gramian = dynamic_cast<Aggregator*>(method.get())) {
    return combination(rows, by_gramian->gramian_weights(gramian_of(rows), present));
  }
  return to_vec(dynamic_cast<RowAggregator&>(*method).direction(rows_tensor(rows), present));
}

double longest(const Matrix& rows) {
  double result = 0;
  for (int i = 0; i < rows.rows(); ++i) {
    double square = 0;
    for (int k = 0; k < rows.columns(); ++k) square += rows(i, k) * rows(i, k);
    result = std::max(result, std::sqrt(square));
  }
  return result;
}

double along_row(const Matrix& rows, int i, const Vec& d) {
  double total = 0;
  for (int k = 0; k < d.size(); ++k) total += rows(i, k) * d[k];
  return total;
}

double row_length(const Matrix& rows, int i) {
  double square = 0;
  for (int k = 0; k < rows.columns(); ++k) square += rows(i, k) * rows(i, k);
  return std::sqrt(square);
}

TEST_CASE("aggregators: finite and of the right length on every kind of rows") {
  for (const Claim& claim : claims()) {
    for (const auto& [its_kind, rows] : row_table()) {
      const auto& kind = its_kind;  // clang 14 captures no bindings
      CAPTURE(claim.name);
      CAPTURE(kind);
      const Vec d = direction(claim, rows);
      CHECK(d.size() == rows.columns());
      CHECK(all_finite(d));
    }
  }
}

TEST_CASE("aggregators: one task is followed as it is, up to length") {
  for (const Claim& claim : claims()) {
    CAPTURE(claim.name);
    const Matrix rows = test::random_rows(1, 6, Rng(11));
    const Vec d = direction(claim, rows);
    const double cosine = along_row(rows, 0, d) / (row_length(rows, 0) * length(d));
    CHECK(cosine == doctest::Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("aggregators: those that claim it never conflict") {
  int checked = 0;
  for (const Claim& claim : claims()) {
    if (!claim.non_conflicting) continue;
    ++checked;
    for (const auto& [its_kind, rows] : row_table()) {
      const auto& kind = its_kind;  // clang 14 captures no bindings
      CAPTURE(claim.name);
      CAPTURE(kind);
      const Vec d = direction(claim, rows);
      if (length(d) <= 1e-6 * longest(rows)) continue;  // zero, as far as a Gramian can tell
      for (int i = 0; i < rows.rows(); ++i) {
        CHECK(along_row(rows, i, d) >= -1e-6 * row_length(rows, i) * length(d));
      }
    }
  }
  CHECK(checked == 6);
}

TEST_CASE(
    "aggregators: the sum of opposed gradients does conflict") {  // so the test above can fail
  const Matrix rows = test::two_rows(1, 10, -0.9);
  const Vec d = combination(rows, {1, 1});
  CHECK(along_row(rows, 0, d) < -1);
}

TEST_CASE("aggregators: the order of tasks does not matter") {
  for (const Claim& claim : claims()) {
    if (!claim.equivariant) continue;
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      CAPTURE(claim.name);
      const Matrix rows = test::random_rows(4, 7, Rng(21).stream(draw));
      Matrix permuted(4, 7);
      for (int i = 0; i < 4; ++i) {
        for (int k = 0; k < 7; ++k) permuted(i, k) = rows((i + 1) % 4, k);
      }
      const Vec a = direction(claim, rows);
      const Vec b = direction(claim, permuted);
      CHECK(length(a - b) <= 1e-9 * length(a));
    }
  }
}

TEST_CASE("aggregators: scaled gradients give a scaled direction") {
  for (const Claim& claim : claims()) {
    CAPTURE(claim.name);
    const Matrix rows = test::random_rows(3, 6, Rng(31));
    const Vec d = direction(claim, rows);
    double worst = 0;
    for (const double scale : {1e-2, 3.0, 1e6}) {
      const Vec scaled = direction(claim, test::scaled_rows(rows, {scale}));
      worst = std::max(worst, length((1 / scale) * scaled - d) / length(d));
    }
    if (claim.homogeneous) CHECK(worst < 1e-5);
    if (!claim.homogeneous) CHECK(worst > 1e-2);
  }
}

TEST_CASE("aggregators: those that claim it stand still at a Pareto stationary point") {
  for (const Claim& claim : claims()) {
    for (int tasks = 2; tasks <= 5; ++tasks) {
      CAPTURE(claim.name);
      CAPTURE(tasks);
      const Matrix rows = test::stationary_rows(tasks, 8, Rng(41).stream(std::uint64_t(tasks)));
      const double d = length(direction(claim, rows)) / longest(rows);
      if (claim.stationary) CHECK(d < 1e-6);
    }
  }
}

TEST_CASE("aggregators: the mean does not stand still there") {  // so the test above can fail
  const Matrix rows = test::stationary_rows(3, 8, Rng(41));
  CHECK(length(combination(rows, Vec(3, 1.0 / 3))) > 1e-2 * longest(rows));
}

// A Householder reflection I - 2 v v' / v'v, another orthogonal basis of the parameters.
Matrix reflected(const Matrix& rows) {
  const Vec v = to_vec(Rng(51).normal({rows.columns()}, 0, 1, DType::f64));
  Matrix result = rows;
  for (int i = 0; i < rows.rows(); ++i) {
    const double along = 2 * along_row(rows, i, v) / dot(v, v);
    for (int k = 0; k < rows.columns(); ++k) result(i, k) -= along * v[k];
  }
  return result;
}

TEST_CASE("aggregators: the basis of the parameters matters to methods of coordinates alone") {
  for (const Claim& claim : claims()) {
    CAPTURE(claim.name);
    const Matrix rows = test::random_rows(3, 6, Rng(61));
    Matrix d(1, 6);
    const Vec plain = direction(claim, rows);
    std::copy(plain.begin(), plain.end(), d.data());
    const Matrix expected = reflected(d);
    const Vec found = direction(claim, reflected(rows));
    double difference = 0;
    for (int k = 0; k < 6; ++k)
      difference = std::max(difference, std::abs(found[k] - expected(0, k)));
    if (claim.rotates) CHECK(difference < 1e-9 * length(plain));
    if (!claim.rotates) CHECK(difference > 1e-3 * length(plain));
  }
}

}  // namespace
}  // namespace taskgrad
