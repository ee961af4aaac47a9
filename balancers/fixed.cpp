#include <taskgrad/balancers/fixed.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

Static::Static(Vec weights) : weights_(std::move(weights)) {
  for (const double weight : weights_) {
    if (!(weight >= 0) || !std::isfinite(weight)) {
      fail<ConfigError>("Static: weights are finite and not negative: {}", weight);
    }
  }
}

}  // namespace taskgrad
