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

Tensor to_tensor(const Vec& x) {
  return Tensor::from({x.size()}, std::span<const double>(x.begin(), x.end()), DType::f64);
}
Vec to_vec(const Tensor& x) { return Vec(x.values()); }

}  // namespace taskgrad
