#include <taskgrad/balancers/vec.h>
#include <taskgrad/core/error.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

namespace taskgrad {
namespace {

template <class F>
Vec map(const Vec& x, const F& f) {
  Vec result = x;
  std::transform(x.begin(), x.end(), result.begin(), f);
  return result;
}

template <class F>
Vec map(const Vec& x, const Vec& y, const F& f) {
  TASKGRAD_ASSERT(x.size() == y.size());
  Vec result = x;
  std::transform(x.begin(), x.end(), y.begin(), result.begin(), f);
  return result;
}

}  // namespace

Vec operator+(const Vec& x, const Vec& y) { return map(x, y, std::plus<>()); }
Vec operator-(const Vec& x, const Vec& y) { return map(x, y, std::minus<>()); }
Vec operator*(double factor, Vec x) { return x *= factor; }
Vec operator/(const Vec& x, const Vec& y) { return map(x, y, std::divides<>()); }
Vec operator*(const Vec& x, const Vec& y) { return map(x, y, std::multiplies<>()); }

double sum(const Vec& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double mean(const Vec& x) { return sum(x) / x.size(); }

Vec exp(const Vec& x) {
  return map(x, [](double value) { return std::exp(value); });
}
Vec log(const Vec& x) {
  return map(x, [](double value) { return std::log(value); });
}
Vec max(const Vec& x, double floor) {
  return map(x, [floor](double value) { return std::max(value, floor); });
}
bool all_finite(const Vec& x) {
  return std::all_of(x.begin(), x.end(), [](double value) { return std::isfinite(value); });
}

double dot(const Vec& x, const Vec& y) { return sum(x * y); }
Vec softmax(const Vec& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  Vec result = map(x, [largest](double value) { return std::exp(value - largest); });
  return result /= sum(result);
}

Vec gather(const Vec& x, std::span<const int> places) {
  Vec result(static_cast<int>(places.size()));
  for (int i = 0; i < result.size(); ++i) result[i] = x[places[static_cast<std::size_t>(i)]];
  return result;
}
void scatter(Vec& into, std::span<const int> places, const Vec& values) {
  TASKGRAD_ASSERT(values.size() == static_cast<int>(places.size()));
  for (int i = 0; i < values.size(); ++i) into[places[static_cast<std::size_t>(i)]] = values[i];
}

Vec operator*(const Matrix& a, const Vec& x) {
  TASKGRAD_ASSERT(a.columns() == x.size());
  Vec result(a.rows());
  for (int i = 0; i < a.rows(); ++i) {
    for (int j = 0; j < x.size(); ++j) result[i] += a(i, j) * x[j];
  }
  return result;
}
double trace(const Matrix& a) {
  double total = 0;
  for (int i = 0; i < a.rows(); ++i) total += a(i, i);
  return total;
}
Matrix gather(const Matrix& a, std::span<const int> places) {
  const int count = static_cast<int>(places.size());
  Matrix result(count, count);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) {
      result(i, j) = a(places[static_cast<std::size_t>(i)], places[static_cast<std::size_t>(j)]);
    }
  }
  return result;
}
Tensor to_tensor(const Matrix& a) {
  const auto size = static_cast<std::size_t>(a.rows() * a.columns());
  return Tensor::from({a.rows(), a.columns()}, std::span<const double>(a.data(), size), DType::f64);
}
Matrix to_matrix(const Tensor& a) {
  Matrix result(static_cast<int>(a.shape()[0]), static_cast<int>(a.shape()[1]));
  const std::vector<double> values = a.values();
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

Tensor to_tensor(const Vec& x) {
  return Tensor::from({x.size()}, std::span<const double>(x.begin(), x.end()), DType::f64);
}
Vec to_vec(const Tensor& x) { return Vec(x.values()); }

}  // namespace taskgrad
