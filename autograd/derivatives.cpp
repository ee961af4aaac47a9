#include <taskgrad/autograd/derivatives.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>

#include <utility>

namespace taskgrad {
namespace {

void check_alike(const char* where, std::span<const Var> inputs, std::span<const Var> vectors) {
  if (inputs.size() != vectors.size()) {
    fail<ShapeError>("{}: one vector an input: {} inputs · {} vectors", where, inputs.size(),
                     vectors.size());
  }
  if (inputs.empty()) fail<ShapeError>("{}: at least one input: none was given", where);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!(inputs[i].shape() == vectors[i].shape()) || inputs[i].dtype() != vectors[i].dtype()) {
      fail<ShapeError>("{}: vector {} is like its input: {} {} for {} {}", where, i,
                       vectors[i].dtype(), vectors[i].shape(), inputs[i].dtype(),
                       inputs[i].shape());
    }
  }
}

// sum_i <x_i, y_i>
Var inner(std::span<const Var> x, std::span<const Var> y) {
  Var total = dot(x[0], y[0]);
  for (std::size_t i = 1; i < x.size(); ++i) total = total + dot(x[i], y[i]);
  return total;
}

}  // namespace

ValueAndGrad value_and_grad(const Function& f, std::span<const Tensor> inputs) {
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.push_back(leaf(input));
  Var y = f(leaves);
  ValueAndGrad result{y.value(), {}};
  for (const Var& gradient : grad(std::move(y), leaves, {.unused = Unused::zeros})) {
    result.gradients.push_back(gradient.value());
  }
  return result;
}

ValueAndGrad value_and_grad(const Function& f, std::initializer_list<Tensor> inputs) {
  return value_and_grad(f, std::span<const Tensor>(inputs.begin(), inputs.size()));
}

List<Var> vjp(const Var& y, std::span<const Var> inputs, const Var& cotangent,
              DerivativeOptions options) {
  return grad(
      y, inputs,
      {.create_graph = options.create_graph, .unused = Unused::zeros, .cotangent = cotangent});
}

Var vjp(const Var& y, const Var& input, const Var& cotangent, DerivativeOptions options) {
  return vjp(y, {&input, 1}, cotangent, options)[0];
}

Var jvp(const Var& y, std::span<const Var> inputs, std::span<const Var> tangents,
        DerivativeOptions options) {
  check_alike("jvp", inputs, tangents);
  const Var u = leaf(Tensor::zeros(y.shape(), y.dtype()));  // anywhere: the product is linear in u
  const List<Var> products = vjp(y, inputs, u, {.create_graph = true});
  return grad(inner(products, tangents), u,
              {.create_graph = options.create_graph, .unused = Unused::zeros});
}

Var jvp(const Var& y, const Var& input, const Var& tangent, DerivativeOptions options) {
  return jvp(y, {&input, 1}, {&tangent, 1}, options);
}

Var jacobian(const Var& y, const Var& input, DerivativeOptions options) {
  Shape shape = y.shape();
  for (const std::int64_t extent : input.shape()) shape.append(extent);
  const std::int64_t rows = y.shape().size();
  if (rows == 0) return constant(Tensor::zeros(shape, y.dtype()));
  const Shape flat{1, input.shape().size()};
  List<Var> all;
  std::vector<double> unit(static_cast<std::size_t>(rows), 0.0);
  for (double& element : unit) {
    element = 1;
    const Var row = constant(Tensor::from(y.shape(), std::span<const double>(unit), y.dtype()));
    all.push_back(reshape(vjp(y, input, row, options), flat));
    element = 0;
  }
  return reshape(concat(all, 0), shape);
}

Var hessian(const Var& y, const Var& input, DerivativeOptions options) {
  return jacobian(grad(y, input, {.create_graph = true, .unused = Unused::zeros}), input, options);
}

List<Var> hvp(const Var& y, std::span<const Var> inputs, std::span<const Var> vectors,
              DerivativeOptions options) {
  check_alike("hvp", inputs, vectors);
  const List<Var> gradients = grad(y, inputs, {.create_graph = true, .unused = Unused::zeros});
  return grad(inner(gradients, vectors), inputs,
              {.create_graph = options.create_graph, .unused = Unused::zeros});
}

Var hvp(const Var& y, const Var& input, const Var& vector, DerivativeOptions options) {
  return hvp(y, {&input, 1}, {&vector, 1}, options)[0];
}

}  // namespace taskgrad
