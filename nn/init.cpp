#include <taskgrad/nn/init.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::nn {

Initializer zeros() {
  return [](const Shape& shape, DType dtype, const Rng&) { return Tensor::zeros(shape, dtype); };
}

Initializer uniform(double bound) {
  return [bound](const Shape& shape, DType dtype, const Rng& rng) {
    return rng.uniform(shape, -bound, bound, dtype);
  };
}

Initializer fan_in_uniform(std::int64_t fan_in) {
  return uniform(1.0 / std::sqrt(static_cast<double>(std::max<std::int64_t>(fan_in, 1))));
}

Initializer kaiming_uniform(std::int64_t fan_in) {
  return uniform(std::sqrt(6.0 / static_cast<double>(std::max<std::int64_t>(fan_in, 1))));
}

}  // namespace taskgrad::nn
