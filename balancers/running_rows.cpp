#include <taskgrad/balancers/running_rows.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>

namespace taskgrad {

Tensor RunningRows::of(std::span<const int> tasks, std::int64_t columns) const {
  const auto count = static_cast<std::int64_t>(tasks.size());
  if (!rows_.defined()) return Tensor::zeros({count, columns}, DType::f64);
  Tensor result = Tensor::empty({count, columns}, DType::f64);
  double* to = result.mutable_data<double>();
  const double* from = rows_.data<double>();
  for (const int task : tasks) to = std::copy_n(from + task * columns, columns, to);
  return result;
}

void RunningRows::set(std::span<const int> tasks, const Tensor& rows) {
  const std::int64_t columns = rows.shape()[1];
  Tensor changed = rows_.defined() ? rows_.clone() : Tensor::zeros({tasks_, columns}, DType::f64);
  const Tensor packed = rows.contiguous();
  const double* from = packed.data<double>();
  double* to = changed.mutable_data<double>();
  for (const int task : tasks) {
    std::copy_n(from, columns, to + task * columns);
    from += columns;
  }
  rows_ = std::move(changed);
}

Tensor mix(const Tensor& a, const Tensor& b, double t) {
  return kernels::add(kernels::scale(a, 1 - t), kernels::scale(b, t));
}

Matrix products(const Tensor& x, const Tensor& y) {
  return to_matrix(kernels::matmul(x, y.transpose()));
}

Tensor weighted_rows(const Tensor& rows, const Vec& weights) {
  const Tensor row = to_tensor(weights).reshape({1, weights.size()});
  return kernels::matmul(row, rows).reshape({rows.shape()[1]});
}

}  // namespace taskgrad
