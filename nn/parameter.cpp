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

Substitution::Substitution(std::span<const NamedParameter> parameters, std::span<const Var> values)
    : parameters_(parameters) {
  if (parameters.size() != values.size()) {
    fail<ConfigError>("Substitution: one value a parameter: {} parameters · {} values",
                      parameters.size(), values.size());
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].shape() == parameters[i].parameter.shape()) continue;
    fail<ShapeError>("Substitution: '{}' has shape {}: {} was given", parameters[i].name,
                     parameters[i].parameter.shape(), values[i].shape());
  }
  before_.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    before_.push_back(std::exchange(*parameters[i].parameter.value_, values[i]));
  }
}

Substitution::~Substitution() {
  for (std::size_t i = 0; i < before_.size(); ++i) {
    *parameters_[i].parameter.value_ = std::move(before_[i]);
  }
}

}  // namespace taskgrad::nn
