#include <taskgrad/core/rng.h>
#include <taskgrad/toy/statistics.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace taskgrad::toy {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// P(|T| <= t) of Student's t with `freedom` degrees: the finite series of Abramowitz and Stegun,
/// 26.7.3 and 26.7.4.
double t_within(double t, std::size_t freedom) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1.0;
  double sum = freedom > 1 ? term : 0.0;
  for (std::size_t k = odd ? 3 : 2; k + 2 <= freedom; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  sum *= std::sin(angle);
  return odd ? (angle + sum) / std::asin(1.0) : sum;
}

/// The t that |T| exceeds in one of twenty cases.
double t_95(std::size_t freedom) {
  double low = 0;
  double high = 13;  // 12.7 for one degree
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    (t_within(middle, freedom) < 0.95 ? low : high) = middle;
  }
  return low;
}

}  // namespace

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

std::vector<double> normalised(std::vector<double> weights) {
  const double average = mean(weights);
  for (double& weight : weights) weight /= average;
  return weights;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  const double mean_x = mean(x);
  const double mean_y = mean(y);
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : kNan;
}

std::vector<double> ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> found(x.size());
  for (std::size_t first = 0, last = 0; first < x.size(); first = last) {
    while (last < x.size() && x[order[last]] == x[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) {
      found[order[i]] = 0.5 * static_cast<double>(first + 1 + last);
    }
  }
  return found;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks(x), ranks(y));
}

Interval bootstrap(std::span<const double> x, std::span<const double> y,
                   const Statistic& statistic) {
  constexpr int kDraws = 2'000;
  constexpr double kTail = 0.025;
  if (x.size() < 3) return {kNan, kNan};
  const Rng rng = Rng(1979).stream("bootstrap");
  const auto size = static_cast<std::int64_t>(x.size());
  std::vector<double> found;
  std::vector<double> xs(x.size());
  std::vector<double> ys(y.size());
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const std::vector<double> places =
        rng.stream(draw).uniform({size}, 0, static_cast<double>(size), DType::f64).values();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto place = std::min(static_cast<std::size_t>(places[i]), x.size() - 1);
      xs[i] = x[place];
      ys[i] = y[place];
    }
    if (const double value = statistic(xs, ys); !std::isnan(value)) found.push_back(value);
  }
  if (found.empty()) return {kNan, kNan};
  std::sort(found.begin(), found.end());
  const auto tail = static_cast<std::size_t>(kTail * static_cast<double>(found.size()));
  return {found[tail], found[found.size() - 1 - tail]};
}

Interval mean_interval(std::span<const double> x) {
  if (x.size() < 2) return {kNan, kNan};
  const double middle = mean(x);
  double squares = 0;
  for (const double value : x) squares += (value - middle) * (value - middle);
  const auto count = static_cast<double>(x.size());
  const double half = t_95(x.size() - 1) * std::sqrt(squares / (count - 1) / count);
  return {middle - half, middle + half};
}

}  // namespace taskgrad::toy
