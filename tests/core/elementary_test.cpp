#include <taskgrad/core/kernels.h>
#include <taskgrad/core/rng.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace taskgrad {
namespace {

using Exact = long double;

// Distance in units in the last place of the true value.
template <class T>
double ulps(T found, Exact exact) {
  const T rounded = static_cast<T>(exact);
  if (found == rounded || (std::isnan(found) && std::isnan(rounded))) return 0;
  if (!std::isfinite(found) || !std::isfinite(rounded)) return INFINITY;
  const T size = std::abs(rounded);
  const T unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
  return static_cast<double>(std::abs((Exact(found) - exact) / Exact(unit)));
}

using Kernel = Tensor (*)(const Tensor&);

// At points that are even in x, and at points that are even in the exponent of x.
template <class T>
double worst_ulps(Kernel kernel, Exact (*exact)(Exact), double low, double high) {
  constexpr int kPoints = 100'000;
  std::vector<T> points;
  for (int i = 0; i <= kPoints; ++i) {
    points.push_back(static_cast<T>(low + (high - low) * i / kPoints));
    points.push_back(static_cast<T>(high * std::exp2(-40.0 * i / kPoints)));
  }
  const std::vector<double> as_double(points.begin(), points.end());
  const Shape shape{static_cast<std::int64_t>(points.size())};
  const std::vector<double> found = kernel(Tensor::from(shape, as_double, kDTypeOf<T>)).values();
  double worst = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    worst = std::max(worst, ulps(static_cast<T>(found[i]), exact(Exact(points[i]))));
  }
  return worst;
}

Exact exact_sigmoid(Exact x) { return 1 / (1 + std::exp(-x)); }
Exact exact_softplus(Exact x) { return std::max<Exact>(x, 0) + std::log1p(std::exp(-std::abs(x))); }

TEST_CASE_TEMPLATE("elementary: within three units in the last place", T, float, double) {
  namespace e = kernels;
  const bool is_float = std::is_same_v<T, float>;
  CHECK(worst_ulps<T>(e::exp, std::exp, is_float ? -104 : -746, is_float ? 88.73 : 709.79) < 1);
  CHECK(worst_ulps<T>(e::exp, std::exp, -2, 2) < 1);
  CHECK(worst_ulps<T>(e::tanh, std::tanh, -25, 25) < 3);
  CHECK(worst_ulps<T>(e::tanh, std::tanh, -1, 1) < 3);
  CHECK(worst_ulps<T>(e::sigmoid, exact_sigmoid, -25, 25) < 3);
  CHECK(worst_ulps<T>(e::softplus, exact_softplus, -25, 25) < 3);
  CHECK(worst_ulps<T>(e::log, std::log, 0, 4) < 1.5);
  const double smallest = std::numeric_limits<T>::denorm_min();
  CHECK(worst_ulps<T>(e::log, std::log, smallest, 1e5 * smallest) < 1.5);
  CHECK(worst_ulps<T>(e::log, std::log, 1, std::numeric_limits<T>::max()) < 1.5);
}

TEST_CASE_TEMPLATE("elementary: infinities, zeros and NaN", T, float, double) {
  const auto of = [](Kernel kernel, T x) {
    return kernel(Tensor::scalar(static_cast<double>(x), kDTypeOf<T>)).item();
  };
  namespace e = kernels;
  constexpr T inf = std::numeric_limits<T>::infinity();
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  CHECK(of(e::exp, -inf) == 0);
  CHECK(of(e::exp, inf) == inf);
  CHECK(of(e::tanh, -inf) == -1);
  CHECK(of(e::tanh, inf) == 1);
  CHECK(std::signbit(of(e::tanh, T(-0.0))));
  CHECK(of(e::sigmoid, -inf) == 0);
  CHECK(of(e::sigmoid, inf) == 1);
  CHECK(of(e::softplus, -inf) == 0);
  CHECK(of(e::softplus, inf) == inf);
  CHECK(of(e::log, T(0)) == -inf);
  CHECK(of(e::log, inf) == inf);
  CHECK(std::isnan(of(e::log, T(-1))));
  CHECK(std::isnan(of(e::log, -inf)));
  for (const double y : {of(e::exp, nan), of(e::tanh, nan), of(e::sigmoid, nan),
                         of(e::softplus, nan), of(e::log, nan)}) {
    CHECK(std::isnan(y));
  }
}

// What a compiler runs side by side and what is left at the end of a row must not differ.
TEST_CASE("elementary: an element has the same bits wherever it stands") {
  for (const Kernel kernel :
       {Kernel(kernels::exp), Kernel(kernels::log), Kernel(kernels::tanh), Kernel(kernels::sigmoid),
        Kernel(kernels::softplus), Kernel(kernels::sqrt), Kernel(kernels::rsqrt)}) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = Rng(5).uniform({67}, 1e-3, 9, dtype);
      const std::vector<double> row = kernel(x).values();
      for (std::size_t i = 0; i < row.size(); ++i) {
        CHECK(kernel(Tensor::scalar(x.values()[i], dtype)).item() == row[i]);
      }
    }
  }
}

}  // namespace
}  // namespace taskgrad
