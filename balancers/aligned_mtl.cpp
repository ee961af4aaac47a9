#include <taskgrad/balancers/aligned_mtl.h>
#include <taskgrad/balancers/solvers.h>

#include <cmath>
#include <limits>

namespace taskgrad {

// B = sqrt(scale) V diag(lambda)^(-1/2) V' over the eigenvalues that count.
Matrix AlignedMtl::balance(const Matrix& gramian) const {
  const auto& [values, vectors] = solvers::spectrum(gramian);
  const int tasks = gramian.rows();
  const double least =
      values[tasks - 1] * double(tasks) * double(std::numeric_limits<float>::epsilon());
  int first = 0;  // of the eigenvalues that count
  while (first < tasks && !(values[first] > least)) ++first;

  Matrix result(tasks, tasks);
  if (first == tasks) return result;  // all gradients are zero
  const Vec counting(std::span<const double>(values.begin() + first, values.end()));
  double scale = counting[0];
  if (options_.scale == AlignedScale::median) scale = counting[(counting.size() - 1) / 2];
  if (options_.scale == AlignedScale::rmse) scale = mean(counting);
  for (int k = first; k < tasks; ++k) {
    const double factor = std::sqrt(scale / values[k]);
    for (int i = 0; i < tasks; ++i) {
      for (int j = 0; j < tasks; ++j) result(i, j) += factor * vectors(i, k) * vectors(j, k);
    }
  }
  return result;
}

Vec AlignedMtl::gramian_weights(const Matrix& gramian, const Present& present) {
  return balance(gramian) * Vec(present.count(), 1.0 / present.count());  // B is symmetric
}

}  // namespace taskgrad
