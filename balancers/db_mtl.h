// DB-MTL: dual balancing (Lin et al., "Dual-balancing for multi-task learning", 2023, arXiv
// 2308.12029; Neural Networks 2025): logarithms make losses of one scale, unit length makes
// gradients of one size.
//
//   y_i <- beta_k y_i + (1 - beta_k) grad log(L_i + 1e-8),   d = max_i |y_i| sum_i y_i / (|y_i| +
//   1e-8)
//
// with y = 0 at the start, beta_k = beta / k^decay at step k; heads get grad log(L_i + 1e-8). beta
// = 0 makes d a sum of vectors of one length, that of the longest. Of GradNorm the paper says that
// its steps never make norms equal within a step and that it leaves the size of the update free.
//
// Cost: K passes. State: y (K vectors like the shared parameters), k. The y of an absent task
// stays.
#pragma once

#include <taskgrad/balancers/running_rows.h>

#include <cstdint>

namespace taskgrad {

struct DbMtlOptions {
  double beta = 0.9;  ///< the paper takes the best of 0.1, 0.5 and 0.9
  double decay = 0;   ///< 0.5 in some of its experiments
};

class DbMtl : public RowAggregator {
 public:
  /// Throws ConfigError for fewer than one task, a beta outside [0, 1) or a negative decay.
  explicit DbMtl(int tasks, DbMtlOptions options = {});
  std::string_view name() const override { return "db_mtl"; }
  /// Throws NumericError for a loss that is not positive.
  Tensor direction(const Tensor& rows, const Present& present) override;
  void reset() override { *this = DbMtl(tasks_, options_); }

 protected:
  Vec head_weights(const Step& step) const override;
  void visit_state(StateFields& fields) override;

 private:
  DbMtlOptions options_;
  int tasks_;
  RunningRows running_;
  std::int64_t steps_ = 0;
};

}  // namespace taskgrad
