#include "eigen_entrants.h"

#include <Eigen/Core>

#include "gemm_entrants.h"

namespace bench {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using MatrixIn = Eigen::Map<const Matrix<T>>;
using In = Eigen::Map<const Eigen::ArrayXf>;
using Out = Eigen::Map<Eigen::ArrayXf>;

template <class T>
void gemm(const GemmShape& s, const T* a, const T* b, T* c) {
  const MatrixIn<T> left(a, s.transpose_a ? s.k : s.m, s.transpose_a ? s.m : s.k);
  const MatrixIn<T> right(b, s.transpose_b ? s.n : s.k, s.transpose_b ? s.k : s.n);
  Eigen::Map<Matrix<T>> out(c, s.m, s.n);
  if (s.transpose_a && s.transpose_b) {
    out.noalias() = left.transpose() * right.transpose();
  } else if (s.transpose_a) {
    out.noalias() = left.transpose() * right;
  } else if (s.transpose_b) {
    out.noalias() = left * right.transpose();
  } else {
    out.noalias() = left * right;
  }
}

}  // namespace

void eigen_gemm(const GemmShape& shape, const float* a, const float* b, float* c) {
  gemm(shape, a, b, c);
}

void eigen_gemm(const GemmShape& shape, const double* a, const double* b, double* c) {
  gemm(shape, a, b, c);
}

Elementwise* eigen_elementwise(const std::string& name) {
  if (name == "relu") {
    return [](auto x, auto, auto z, auto n) { Out(z, n) = In(x, n).max(0.0f); };
  }
  if (name == "exp") return [](auto x, auto, auto z, auto n) { Out(z, n) = In(x, n).exp(); };
  if (name == "tanh") return [](auto x, auto, auto z, auto n) { Out(z, n) = In(x, n).tanh(); };
  if (name == "add") return [](auto x, auto y, auto z, auto n) { Out(z, n) = In(x, n) + In(y, n); };
  if (name == "mul") return [](auto x, auto y, auto z, auto n) { Out(z, n) = In(x, n) * In(y, n); };
  return nullptr;
}

float eigen_sum(const float* x, std::int64_t size) { return In(x, size).sum(); }

void eigen_sum_rows(const float* x, std::int64_t rows, std::int64_t columns, float* sums) {
  Eigen::Map<Eigen::RowVectorXf>(sums, columns) = MatrixIn<float>(x, rows, columns).colwise().sum();
}

}  // namespace bench
