#include <taskgrad/balancers/bargaining.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

NashMtl::NashMtl(NashMtlOptions options) : options_(options) {
  if (!(options.max_norm >= 0) || !std::isfinite(options.max_norm)) {
    fail<ConfigError>("NashMtl: max_norm is finite and not negative: {}", options.max_norm);
  }
}

Vec NashMtl::gramian_weights(const Matrix& gramian, const Present&) {
  Vec w = solvers::power_equilibrium(gramian, 1);
  const double norm = std::sqrt(std::max(dot(w, gramian * w), 0.0));
  if (options_.max_norm > 0 && norm > options_.max_norm) w *= options_.max_norm / norm;
  return w;
}

FairGrad::FairGrad(FairGradOptions options) : options_(options) {
  if (!(options.alpha >= 0) || !std::isfinite(options.alpha)) {
    fail<ConfigError>("FairGrad: alpha is finite and not negative: {}", options.alpha);
  }
}

Vec FairGrad::gramian_weights(const Matrix& gramian, const Present& present) {
  if (options_.alpha == 0) return Vec(present.count(), 1.0);
  return solvers::power_equilibrium(gramian, 1 / options_.alpha);
}

}  // namespace taskgrad
