#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/gradcheck.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/rng.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace taskgrad {
namespace {

using Scalar = std::function<Var(std::span<const Var>)>;

// Neither zero nor near it, so that no element of the output goes unseen.
Tensor projection(const Shape& shape, std::string_view name) {
  return Rng(7).stream(name).uniform(shape, 0.5, 1.5, DType::f64);
}

std::vector<Var> leaves(std::span<const Tensor> inputs) {
  std::vector<Var> vars;
  for (const Tensor& input : inputs) vars.push_back(leaf(input));
  return vars;
}

double value_at(const Scalar& f, std::span<const Tensor> inputs) {
  const std::vector<Var> vars = leaves(inputs);
  return f(vars).item();
}

// (f(x + h e) - f(x - h e)) / 2h for one element of one input.
double difference(const Scalar& f, std::vector<Tensor> inputs, std::size_t input,
                  std::size_t element, double step) {
  const Tensor original = inputs[input];
  std::vector<double> values = original.values();
  const double center = values[element];
  const auto at = [&](double value) {
    values[element] = value;
    inputs[input] = Tensor::from(original.shape(), values, DType::f64);
    return value_at(f, inputs);
  };
  const double high = center + step;
  const double low = center - step;
  return (at(high) - at(low)) / (high - low);
}

GradCheckResult check_scalar(std::string_view name, int order, const Scalar& f,
                             std::span<const Tensor> inputs, const GradCheckOptions& options) {
  GradCheckResult result;
  const std::vector<Var> vars = leaves(inputs);
  const List<Var> gradients = grad(f(vars), vars, {.unused = Unused::zeros});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<double> found = gradients[i].value().values();
    for (std::size_t element = 0; element < found.size(); ++element) {
      const double expected =
          difference(f, {inputs.begin(), inputs.end()}, i, element, options.step);
      const double error = std::abs(found[element] - expected) / (1 + std::abs(expected));
      result.nonzero = result.nonzero || found[element] != 0;
      if (result.ok && !(error <= options.tolerance)) {
        result.ok = false;
        result.text = fmt::format(
            "check_grad: {} order {}: derivative in input {} {} at element {}: differences give "
            "{:.9g}, the rule gave {:.9g}",
            name, order, i, inputs[i].shape(), element, expected, found[element]);
      }
      if (!(error <= result.largest_error)) result.largest_error = error;
    }
  }
  return result;
}

GradCheckResult merged(GradCheckResult first, const GradCheckResult& second) {
  if (first.ok && !second.ok) first.text = second.text;
  first.ok = first.ok && second.ok;
  first.nonzero = first.nonzero || second.nonzero;
  if (!(second.largest_error <= first.largest_error)) first.largest_error = second.largest_error;
  return first;
}

}  // namespace

GradCheckResult check_grad(std::string_view name, const Function& f, std::span<const Tensor> inputs,
                           const GradCheckOptions& options) {
  for (const Tensor& input : inputs) {
    if (input.dtype() != DType::f64) {
      fail<DTypeError>("check_grad: inputs are f64, so that differences mean something: {}",
                       input.dtype());
    }
  }
  const Shape output_shape = f(leaves(inputs)).shape();
  const Tensor cotangent = projection(output_shape, "cotangent");
  const Scalar first = [&](std::span<const Var> x) { return dot(f(x), constant(cotangent)); };
  GradCheckResult result = check_scalar(name, 1, first, inputs, options);

  if (options.order >= 2) {  // the gradient as a function of (inputs, cotangent)
    std::vector<Tensor> extended(inputs.begin(), inputs.end());
    extended.push_back(cotangent);
    const Scalar second = [&](std::span<const Var> all) {
      const auto x = all.first(inputs.size());
      const List<Var> gradients =
          grad(f(x), x, {.create_graph = true, .unused = Unused::zeros, .cotangent = all.back()});
      Var total = constant(0.0, DType::f64);
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        const std::string stream = fmt::format("projection {}", i);
        total = total + dot(gradients[i], constant(projection(gradients[i].shape(), stream)));
      }
      return total;
    };
    result = merged(std::move(result), check_scalar(name, 2, second, extended, options));
  }
  const bool empty = std::all_of(inputs.begin(), inputs.end(),
                                 [](const Tensor& input) { return input.size() == 0; });
  if (result.ok && !result.nonzero && !empty && output_shape.size() != 0) {
    result.ok = false;
    result.text = fmt::format("check_grad: {}: nothing was tested: every derivative is zero", name);
  }
  return result;
}

}  // namespace taskgrad
