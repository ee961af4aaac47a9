// RunningRows: one vector of f64 a task, as long as the shared parameters, that a method keeps from
// step to step.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

/// Rows of zeros [tasks, parameters] from the first use on; before it, nothing.
class RunningRows {
 public:
  explicit RunningRows(int tasks) : tasks_(tasks) {}

  /// The rows of the given tasks as one matrix [tasks.size(), columns].
  Tensor of(std::span<const int> tasks, std::int64_t columns) const;
  /// Replaces them.
  void set(std::span<const int> tasks, const Tensor& rows);
  void visit_state(StateFields& fields, const std::string& name) {
    fields.optional(name, rows_, tasks_);
  }

 private:
  int tasks_;
  Tensor rows_;
};

/// a + t (b - a), elementwise.
Tensor mix(const Tensor& a, const Tensor& b, double t);
/// X Y' of two matrices of rows.
Matrix products(const Tensor& x, const Tensor& y);
/// sum_i weights[i] rows[i].
Tensor weighted_rows(const Tensor& rows, const Vec& weights);

}  // namespace taskgrad
