// Two aggregators from robust distributed learning, where some of the K gradients may be wrong.
//
//   Krum (Blanchard et al., NeurIPS 2017): the mean of the `selected` gradients with the smallest
//     score, the sum of squared distances to the K - byzantine - 2 nearest others. Its guarantee
//     needs K >= 2 byzantine + 3; with fewer tasks at least one neighbour is kept.
//   TrimmedMean (Yin et al., ICML 2018): in each coordinate the mean without the `trim` smallest
//   and
//     the `trim` largest values, trim lowered to (K - 1) / 2 where there are too few.
//
// Neither was made for multi-task learning; they are here for comparison. Cost: K passes. No state.
// TorchJD's Krum sums distances, not their squares; the paper has squares. Ties go to the task with
// the lower number.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

struct KrumOptions {
  int byzantine = 0;
  int selected = 1;
};

class Krum : public Aggregator {
 public:
  /// Throws ConfigError for a negative `byzantine` or a `selected` below 1.
  explicit Krum(KrumOptions options = {});
  std::string_view name() const override { return "krum"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;

 private:
  KrumOptions options_;
};

struct TrimmedMeanOptions {
  int trim = 1;
};

class TrimmedMean : public RowAggregator {
 public:
  /// Throws ConfigError for a negative trim.
  explicit TrimmedMean(TrimmedMeanOptions options = {});
  std::string_view name() const override { return "trimmed_mean"; }
  Tensor direction(const Tensor& rows, const Present& present) override;

 private:
  TrimmedMeanOptions options_;
};

}  // namespace taskgrad
