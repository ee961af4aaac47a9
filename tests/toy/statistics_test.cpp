#include <taskgrad/core/rng.h>
#include <taskgrad/toy/statistics.h>

#include <doctest/doctest.h>

#include <cmath>

namespace taskgrad::toy {
namespace {

using Numbers = std::vector<double>;

TEST_CASE("pearson: lines, a case done by hand, and what has no correlation") {
  CHECK(pearson(Numbers{1, 2, 4}, Numbers{3, 5, 9}) == doctest::Approx(1));
  CHECK(pearson(Numbers{1, 2, 4}, Numbers{-1, -2, -4}) == doctest::Approx(-1));
  // Deviations (-1, 0, 1) and (-1, 1, 0): products 1, squares 2 and 2.
  CHECK(pearson(Numbers{1, 2, 3}, Numbers{1, 3, 2}) == doctest::Approx(0.5));
  CHECK(std::isnan(pearson(Numbers{1, 1, 1}, Numbers{1, 3, 2})));
  CHECK(std::isnan(pearson(Numbers{1}, Numbers{2})));
}

TEST_CASE("ranks: from 1, ties share their mean") {
  CHECK(ranks(Numbers{30, 10, 20}) == Numbers{3, 1, 2});
  CHECK(ranks(Numbers{5, 1, 5, 5, 0}) == Numbers{4, 2, 4, 4, 1});
}

TEST_CASE("spearman: sees any rising curve as a line, and only that") {
  const Numbers x = {0.1, 3, 2, 9, -4};
  Numbers curve;
  for (const double value : x) curve.push_back(std::exp(value));
  CHECK(spearman(x, curve) == doctest::Approx(1));
  CHECK(pearson(x, curve) < 0.9);
  CHECK(spearman(x, Numbers{1, 0, 5, 2, 7}) == doctest::Approx(-0.5));  // 1 - 6 * 30 / 120
}

TEST_CASE("bootstrap: an interval around the correlation, narrower for more pairs, repeatable") {
  const auto pairs = [](int count) {
    const Numbers x = Rng(1).normal({count}, 0, 1, DType::f64).values();
    Numbers y = Rng(2).normal({count}, 0, 1, DType::f64).values();
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i];
    return std::pair(x, y);
  };
  double width = 2;
  for (const int count : {20, 100, 400}) {
    const auto [x, y] = pairs(count);
    const Interval interval = bootstrap(x, y, pearson);
    CHECK(interval.low < pearson(x, y));
    CHECK(interval.high > pearson(x, y));
    CHECK(interval.high - interval.low < width);
    CHECK(bootstrap(x, y, pearson).low == interval.low);
    width = interval.high - interval.low;
  }
  // For normal pairs the deviation of r is (1 - r^2) / sqrt(n): r is near sqrt(1/2) here.
  CHECK(width == doctest::Approx(2 * 1.96 * 0.5 / std::sqrt(400)).epsilon(0.25));
  CHECK(std::isnan(bootstrap(Numbers{1, 2}, Numbers{1, 2}, pearson).low));
}

TEST_CASE("mean_interval: Student's t from tables, symmetric, none for one number") {
  // Deviation 1 about the mean m: m -+ t / sqrt(n).
  const auto half = [](const Numbers& x) {
    const Interval interval = mean_interval(x);
    CHECK(interval.high - mean(x) == doctest::Approx(mean(x) - interval.low));
    return interval.high - mean(x);
  };
  CHECK(half({0, std::sqrt(2)}) == doctest::Approx(12.7062 / std::sqrt(2)));
  CHECK(half({4, 5, 6}) == doctest::Approx(4.30265 / std::sqrt(3)));
  const double step = std::sqrt(3.0) / 2;
  CHECK(half({-step, -step, step, step}) == doctest::Approx(3.18245 / 2));
  const double near = std::sqrt(0.8);
  CHECK(half({-near, -near, near, near, 0, 0}) == doctest::Approx(2.57058 * 0.8 / std::sqrt(6)));
  Numbers many;
  for (int i = 0; i < 61; ++i) many.push_back(i % 2 == 0 ? 1.0 : -1.0);
  CHECK(half(many) == doctest::Approx(2.00030 * std::sqrt(61 * (1 - 1.0 / 61 / 61) / 60 / 61)));
  CHECK(std::isnan(mean_interval(Numbers{3}).low));
  CHECK(std::isnan(mean_interval(Numbers{}).high));
  CHECK(mean_interval(Numbers{2, 2, 2}).low == 2);
}

}  // namespace
}  // namespace taskgrad::toy
