// What a model, an optimizer or a balancer saves: tensors and texts by name.
#pragma once

#include <taskgrad/core/tensor.h>

#include <map>
#include <string>
#include <string_view>

namespace taskgrad {

struct StateDict {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> text;
};

/// The tensor of that name. Throws ConfigError naming `where` when it is missing, ShapeError when
/// its shape is another.
const Tensor& required(const StateDict& state, const std::string& name, const Shape& shape,
                       std::string_view where);

}  // namespace taskgrad
