// GradDrop: in each coordinate keep the gradients of one sign (Chen et al., "Just pick a sign:
// optimizing deep multitask models with gradient sign dropout", NeurIPS 2020).
//
//   P = (1 + sum_i g_i / sum_i |g_i|) / 2  in each coordinate, U uniform in (0, 1), one for all
//   tasks d = sum_i (leak + (1 - leak) m_i) g_i,   m_i = [g_i > 0 and P > U] or [g_i < 0 and P < U]
//
// Here on the gradients of shared parameters, as TorchJD has it; the paper masks the gradients of
// the trunk's output, times its sign and summed over the batch. SamsungLabs' code sums over the
// wrong axis, so that a task has one mask for all coordinates.
//
// Cost: K passes and the rows. State: the number of steps, from which U is drawn.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <cstdint>

namespace taskgrad {

struct GradDropOptions {
  double leak = 0;  ///< share of every gradient that always passes
  std::uint64_t seed = 0;
};

class GradDrop : public RowAggregator {
 public:
  /// Throws ConfigError for a leak outside [0, 1].
  explicit GradDrop(GradDropOptions options = {});
  std::string_view name() const override { return "graddrop"; }
  Tensor direction(const Tensor& rows, const Present& present) override;
  void reset() override { steps_ = 0; }

 protected:
  void visit_state(StateFields& fields) override { fields("steps", steps_); }

 private:
  GradDropOptions options_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
