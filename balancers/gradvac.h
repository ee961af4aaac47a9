// GradVac, gradient vaccine: bring the cosine of each pair of gradients up to its running mean
// (Wang et al., "Gradient vaccine", ICLR 2021, algorithm 1).
//
//   g_i' = g_i;  for j != i in random order, phi = cos(g_i', g_j), target p = phi^_ij:
//     if phi < p:  g_i' += g_j |g_i'| (p sqrt(1 - phi^2) - phi sqrt(1 - p^2)) / (|g_j| sqrt(1 -
//     p^2)) phi^_ij = (1 - beta) phi^_ij + beta phi
//   d = sum_i g_i'
//
// After a correction cos(g_i', g_j) = p. With targets at 0 this is PCGrad.
//
// Cost: K passes. State: phi^ (0 at the start) and the number of steps. Public code: LibMTL does
// not keep phi within [-1, 1], so rounding gives NaN. A pair with a zero gradient, or with a target
// of 1, is left as it is.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <cstdint>

namespace taskgrad {

struct GradVacOptions {
  double beta = 0.5;  ///< of the running mean of cosines
  std::uint64_t seed = 0;
};

class GradVac : public Aggregator {
 public:
  /// Throws ConfigError for fewer than one task or a beta outside [0, 1].
  explicit GradVac(int tasks, GradVacOptions options = {});
  std::string_view name() const override { return "gradvac"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
  void reset() override { *this = GradVac(targets_.rows(), options_); }

 protected:
  void visit_state(StateFields& fields) override;

 private:
  GradVacOptions options_;
  Matrix targets_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
