#include <taskgrad/core/fail.h>
#include <taskgrad/core/state_dict.h>

namespace taskgrad {

const Tensor& required(const StateDict& state, const std::string& name, const Shape& shape,
                       std::string_view where) {
  const auto found = state.tensors.find(name);
  if (found == state.tensors.end()) {
    fail<ConfigError>("{}: every tensor of the state is needed: '{}' is missing", where, name);
  }
  if (!(found->second.shape() == shape)) {
    fail<ShapeError>("{}: '{}' has shape {}: {} was given", where, name, shape,
                     found->second.shape());
  }
  return found->second;
}

}  // namespace taskgrad
