#include <taskgrad/balancers/graddrop.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/rng.h>

#include <cmath>

namespace taskgrad {

GradDrop::GradDrop(GradDropOptions options) : options_(options) {
  if (!(options.leak >= 0 && options.leak <= 1)) {
    fail<ConfigError>("GradDrop: leak lies in [0, 1]: {}", options.leak);
  }
}

Tensor GradDrop::direction(const Tensor& rows, const Present& present) {
  const std::int64_t size = rows.shape()[1];
  const Rng rng = Rng(options_.seed).stream(static_cast<std::uint64_t>(steps_++));
  const Tensor uniform = rng.uniform({size}, 0, 1, DType::f64);
  const double* u = uniform.data<double>();
  const double* g = rows.data<double>();
  Tensor result = Tensor::empty({size}, DType::f64);
  double* d = result.mutable_data<double>();
  for (std::int64_t k = 0; k < size; ++k) {
    double total = 0;
    double absolute = 0;
    for (std::int64_t i = 0; i < present.count(); ++i) {
      total += g[i * size + k];
      absolute += std::abs(g[i * size + k]);
    }
    const double purity = absolute > 0 ? 0.5 * (1 + total / absolute) : 0.5;
    d[k] = 0;
    for (std::int64_t i = 0; i < present.count(); ++i) {
      const double value = g[i * size + k];
      const bool kept = value > 0 ? purity > u[k] : purity < u[k];
      d[k] += (kept ? 1.0 : options_.leak) * value;
    }
  }
  return result;
}

}  // namespace taskgrad
