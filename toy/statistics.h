// Statistics of a handful of numbers: correlations and their uncertainty.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace taskgrad::toy {

double mean(std::span<const double> x);

/// Scaled to mean 1: weights to the sum T.
std::vector<double> normalised(std::vector<double> weights);

/// Linear correlation; NaN for fewer than two points or where one side does not vary.
double pearson(std::span<const double> x, std::span<const double> y);

/// Ranks from 1; equal numbers share the mean of their ranks.
std::vector<double> ranks(std::span<const double> x);

/// Rank correlation: that of the ranks.
double spearman(std::span<const double> x, std::span<const double> y);

struct Interval {
  double low = 0;
  double high = 0;
};

using Statistic = std::function<double(std::span<const double>, std::span<const double>)>;

/// The 95 % percentile interval of a statistic of pairs by the bootstrap (Efron, 1979): over 2,000
/// draws of as many pairs, with replacement and from a fixed seed; draws whose statistic is NaN are
/// left out. NaN for fewer than three pairs.
Interval bootstrap(std::span<const double> x, std::span<const double> y,
                   const Statistic& statistic);

/// The 95 % interval of the mean by Student's t; NaN for fewer than two numbers.
Interval mean_interval(std::span<const double> x);

}  // namespace taskgrad::toy
