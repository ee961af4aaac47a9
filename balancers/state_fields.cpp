#include <taskgrad/balancers/state_fields.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <cmath>

namespace taskgrad {

const Tensor& StateFields::find(const std::string& name, const Shape& shape) {
  const Tensor& found = required(state_, name, shape, where_);
  if (found.dtype() != DType::f64) {
    fail<DTypeError>("{}: '{}' has the type f64: {}", where_, name, found.dtype());
  }
  if (!kernels::all_finite(found)) {
    fail<NumericError>("{}: every number of the state is finite: '{}' is not", where_, name);
  }
  return found;
}

void StateFields::operator()(const std::string& name, Vec& values) {
  names_.push_back(name);
  if (mode_ == Mode::save) {
    state_.tensors[name] = to_tensor(values);
    return;
  }
  const Tensor& found = find(name, {values.size()});
  if (mode_ == Mode::load) values = to_vec(found);
}

void StateFields::operator()(const std::string& name, Matrix& values) {
  names_.push_back(name);
  const Shape shape{values.rows(), values.columns()};
  if (mode_ == Mode::save) {
    state_.tensors[name] = to_tensor(values);
    return;
  }
  const Tensor& found = find(name, shape);
  if (mode_ == Mode::load) values = to_matrix(found);
}

void StateFields::operator()(const std::string& name, std::int64_t& count) {
  names_.push_back(name);
  if (mode_ == Mode::save) {
    state_.tensors[name] = Tensor::scalar(static_cast<double>(count), DType::f64);
    return;
  }
  const double found = find(name, {}).item();
  if (!(found >= 0) || found != std::floor(found)) {
    fail<ConfigError>("{}: '{}' is whole and not negative: {}", where_, name, found);
  }
  if (mode_ == Mode::load) count = std::llround(found);
}

void StateFields::operator()(const std::string& prefix, VecAdam& adam) {
  for (const char* part : {"steps", "mean", "variance"}) names_.push_back(prefix + part);
  if (mode_ == Mode::save) {
    adam.save(state_, prefix);
  } else if (mode_ == Mode::check) {
    VecAdam(adam).load(state_, prefix);
  } else {
    adam.load(state_, prefix);
  }
}

void StateFields::optional(const std::string& name, Vec& values, int size) {
  if (mode_ == Mode::save && values.empty()) return;
  if (mode_ != Mode::save && !state_.tensors.contains(name)) {
    names_.push_back(name);
    if (mode_ == Mode::load) values = {};
    return;
  }
  Vec sized = values.empty() ? Vec(size) : values;
  (*this)(name, sized);
  if (mode_ == Mode::load) values = std::move(sized);
}

void StateFields::optional(const std::string& name, Tensor& values, int rows) {
  names_.push_back(name);
  if (mode_ == Mode::save) {
    if (values.defined()) state_.tensors[name] = values;
  } else if (!state_.tensors.contains(name)) {
    if (mode_ == Mode::load) values = Tensor();
  } else {
    const Shape given = state_.tensors.at(name).shape();
    const std::int64_t columns = given.rank() == 2 ? given[1] : 0;
    const Tensor& found = find(name, values.defined() ? values.shape() : Shape{rows, columns});
    if (mode_ == Mode::load) values = found.clone();
  }
}

}  // namespace taskgrad
