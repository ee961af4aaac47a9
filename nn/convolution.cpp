#include <taskgrad/core/fail.h>
#include <taskgrad/nn/convolution.h>

namespace taskgrad::nn {
namespace {

Shape weight_shape(std::int64_t in, std::int64_t out, const std::array<std::int64_t, 2>& size,
                   std::int64_t groups) {
  if (groups < 1 || in % groups != 0 || out % groups != 0) {
    fail<ConfigError>("Conv2d: the groups divide the channels: {} groups · {} in · {} out", groups,
                      in, out);
  }
  return {out, in / groups, size[0], size[1]};
}

}  // namespace

Conv2d::Conv2d(std::int64_t in, std::int64_t out, std::array<std::int64_t, 2> size,
               Conv2dOptions options)
    : weight(weight_shape(in, out, size, options.groups)), bias(Shape{out}), options_(options) {}

Var Conv2d::operator()(const Var& x) const {
  return conv2d(x, weight.value(), options_) + reshape(bias.value(), {bias.shape()[0], 1, 1});
}

void Conv2d::visit(Visitor& visitor) {
  const Shape& shape = weight.shape();
  const std::int64_t fan_in = shape[1] * shape[2] * shape[3];
  visitor("weight", weight, fan_in_uniform(fan_in));
  visitor("bias", bias, fan_in_uniform(fan_in));
}

Var Flatten::operator()(const Var& x) const {
  if (x.shape().rank() < 1) {
    fail<ShapeError>("Flatten: x [n, ...]: shape {}", x.shape());
  }
  std::int64_t rest = 1;
  for (int axis = 1; axis < x.shape().rank(); ++axis) rest *= x.shape()[axis];
  return reshape(x, {x.shape()[0], rest});
}

}  // namespace taskgrad::nn
