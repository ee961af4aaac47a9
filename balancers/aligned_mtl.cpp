#include <taskgrad/balancers/aligned_mtl.h>

#include <Eigen/Eigenvalues>

#include <limits>

namespace taskgrad {

Matrix AlignedMtl::balance(const Matrix& gramian) const {
  using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Index tasks = gramian.rows();
  const Eigen::SelfAdjointEigenSolver<Dense> eigen(
      Eigen::Map<const Dense>(gramian.data(), tasks, tasks));
  const Eigen::VectorXd values = eigen.eigenvalues();  // ascending
  const double least =
      values(tasks - 1) * double(tasks) * double(std::numeric_limits<float>::epsilon());
  Eigen::Index first = 0;  // of the eigenvalues that count
  while (first < tasks && !(values(first) > least)) ++first;

  Matrix result(gramian.rows(), gramian.rows());
  if (first == tasks) return result;  // all gradients are zero
  const Eigen::Index kept = tasks - first;
  double scale = values(first);
  if (options_.scale == AlignedScale::median) scale = values(first + (kept - 1) / 2);
  if (options_.scale == AlignedScale::rmse) scale = values.tail(kept).mean();
  const Dense v = eigen.eigenvectors().rightCols(kept);
  const Eigen::VectorXd factors = (scale * values.tail(kept).cwiseInverse()).cwiseSqrt();
  Eigen::Map<Dense>(result.data(), tasks, tasks) = v * factors.asDiagonal() * v.transpose();
  return result;
}

Vec AlignedMtl::gramian_weights(const Matrix& gramian, const Present& present) {
  return balance(gramian) * Vec(present.count(), 1.0 / present.count());  // B is symmetric
}

}  // namespace taskgrad
