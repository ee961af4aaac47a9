// How parameters start.
#pragma once

#include <taskgrad/core/rng.h>
#include <taskgrad/core/tensor.h>

#include <cstdint>
#include <functional>

namespace taskgrad::nn {

using Initializer = std::function<Tensor(const Shape&, DType, const Rng&)>;

Initializer zeros();
/// U(-bound, bound).
Initializer uniform(double bound);
/// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): what PyTorch gives the weight and the bias of a Linear.
Initializer fan_in_uniform(std::int64_t fan_in);
/// U(-sqrt(6/fan_in), sqrt(6/fan_in)) (He et al., 2015): keeps the variance through ReLU layers.
Initializer kaiming_uniform(std::int64_t fan_in);

}  // namespace taskgrad::nn
