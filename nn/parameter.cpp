#include <taskgrad/core/fail.h>
#include <taskgrad/nn/parameter.h>

namespace taskgrad::nn {

Parameter::Parameter(const Shape& shape, DType dtype)
    : value_(std::make_shared<Var>(leaf(Tensor::zeros(shape, dtype)))) {}

void Parameter::set(Tensor value) {
  if (!(value.shape() == shape())) {
    fail<ShapeError>("Parameter: the shape must stay: {} to {}", shape(), value.shape());
  }
  *value_ = leaf(std::move(value));
}

void Parameter::set(Var leaf) noexcept {
  TASKGRAD_ASSERT(leaf.tracked() && leaf.shape() == shape());
  *value_ = std::move(leaf);
}

}  // namespace taskgrad::nn
