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

}  // namespace
}  // namespace taskgrad::toy
