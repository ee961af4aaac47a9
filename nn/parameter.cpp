#include <taskgrad/autograd/node.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/nn/parameter.h>

namespace taskgrad::nn {

Parameter::Parameter(const Shape& shape, DType dtype)
    : value_(std::make_shared<Var>(leaf(Tensor::zeros(shape, dtype)))) {}

void Parameter::set(Tensor value) {
  if (value_->defined() && !(value.shape() == shape())) {
    fail<ShapeError>("Parameter: the shape must stay: {} to {}", shape(), value.shape());
  }
  *value_ = leaf(std::move(value));
}

Tensor Parameter::take() { return NodeAccess::take_value(std::move(*value_)); }

}  // namespace taskgrad::nn
