// A short vector of doubles: one number a task. Its storage comes from the pool.
#pragma once

#include <taskgrad/core/memory.h>
#include <taskgrad/core/tensor.h>

#include <initializer_list>
#include <span>

namespace taskgrad {

class Vec {
 public:
  Vec() = default;
  explicit Vec(int size, double value = 0.0)
      : values_(static_cast<std::size_t>(size < 0 ? 0 : size), value) {}
  Vec(std::initializer_list<double> values) : values_(values) {}
  explicit Vec(std::span<const double> values) : values_(values.begin(), values.end()) {}

  int size() const { return static_cast<int>(values_.size()); }
  bool empty() const { return values_.empty(); }
  double& operator[](int i) { return values_[static_cast<std::size_t>(i)]; }
  double operator[](int i) const { return values_[static_cast<std::size_t>(i)]; }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  Vec& operator*=(double factor) {
    for (double& value : values_) value *= factor;
    return *this;
  }
  Vec& operator/=(double divisor) { return *this *= 1.0 / divisor; }
  friend bool operator==(const Vec&, const Vec&) = default;

 private:
  List<double> values_;
};

/// Elementwise; sizes must be equal (asserted).
Vec operator/(const Vec& x, const Vec& y);
Vec operator*(const Vec& x, const Vec& y);

double sum(const Vec& x);
double mean(const Vec& x);
Vec exp(const Vec& x);
Vec log(const Vec& x);
Vec max(const Vec& x, double floor);
bool all_finite(const Vec& x);
double dot(const Vec& x, const Vec& y);
Vec operator+(const Vec& x, const Vec& y);
Vec operator-(const Vec& x, const Vec& y);
Vec operator*(double factor, Vec x);
/// exp(x_i) / sum_j exp(x_j), without overflow.
Vec softmax(const Vec& x);

/// The entries at the given places, and their return there.
Vec gather(const Vec& x, std::span<const int> places);
void scatter(Vec& into, std::span<const int> places, const Vec& values);

/// To and from a tensor of one axis, in f64.
Tensor to_tensor(const Vec& x);
Vec to_vec(const Tensor& x);

/// A small row-major matrix of doubles, such as a Gramian.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int rows, int columns)
      : columns_(columns), values_(static_cast<std::size_t>(rows * columns)) {}
  int rows() const { return columns_ == 0 ? 0 : static_cast<int>(values_.size()) / columns_; }
  int columns() const { return columns_; }
  double& operator()(int row, int column) { return values_[at(row, column)]; }
  double operator()(int row, int column) const { return values_[at(row, column)]; }
  const double* data() const { return values_.data(); }
  double* data() { return values_.data(); }

 private:
  std::size_t at(int row, int column) const {
    return static_cast<std::size_t>(row * columns_ + column);
  }
  int columns_ = 0;
  List<double> values_;
};

Vec operator*(const Matrix& a, const Vec& x);
double trace(const Matrix& a);
/// Rows and columns at the given places.
Matrix gather(const Matrix& a, std::span<const int> places);
/// To and from a tensor of two axes, in f64.
Tensor to_tensor(const Matrix& a);
Matrix to_matrix(const Tensor& a);

}  // namespace taskgrad
