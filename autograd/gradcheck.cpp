#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/gradcheck.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/rng.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

// (f(x + h e) - f(x - h e)) / 2h, h the width, for one element of one input.
double difference(const Scalar& f, std::vector<Tensor> inputs, std::size_t input,
                  std::size_t element, double width) {
  const Tensor original = inputs[input];
  std::vector<double> values = original.values();
  const double center = values[element];
  const auto at = [&](double value) {
    values[element] = value;
    inputs[input] = Tensor::from(original.shape(), values, DType::f64);
    return value_at(f, inputs);
  };
  const double high = center + width;
  const double low = center - width;
  return (at(high) - at(low)) / (high - low);
}

// Derivatives in one input: what differences give, and what the rule gave.
struct Compared {
  std::vector<double> expected, found;
  std::vector<double> noise;  // what differences cannot see: the rounding of f over the step
  double scale = 0;           // the largest that is expected

  // Relative to the scale, beyond the noise.
  double error(std::size_t i) const {
    const double beyond = std::abs(found[i] - expected[i]) - noise[i];
    return beyond <= 0 ? 0 : beyond / std::max(scale, std::numeric_limits<double>::min());
  }
};

Compared compare(const Scalar& f, std::span<const Tensor> inputs, std::size_t input,
                 const Tensor& gradient, double step) {
  constexpr double kUnits = 8 * std::numeric_limits<double>::epsilon();
  Compared compared{{}, gradient.values(), {}};
  const double value = std::abs(value_at(f, inputs));
  for (const double x : inputs[input].values()) {
    const std::size_t element = compared.expected.size();
    const double width = step * std::max(1.0, std::abs(x) / 50);  // many units in the last place
    compared.expected.push_back(
        difference(f, {inputs.begin(), inputs.end()}, input, element, width));
    compared.noise.push_back(kUnits * value / width);
    compared.scale = std::max(compared.scale, std::abs(compared.expected.back()));
  }
  return compared;
}

// What a wrong derivative looks like, when it looks like something.
std::string hint(const Compared& compared, int order, bool is_cotangent) {
  const std::vector<double>& expected = compared.expected;
  const std::vector<double>& found = compared.found;
  const auto largest = std::max_element(expected.begin(), expected.end(), [](double a, double b) {
    return std::abs(a) < std::abs(b);
  });
  const double scale = std::abs(*largest);
  const double ratio = found[static_cast<std::size_t>(largest - expected.begin())] / *largest;
  const auto everywhere = [&](double factor) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!(std::abs(found[i] - factor * expected[i]) <= 1e-4 * scale)) return false;
    }
    return scale > 0;
  };
  if (!std::all_of(found.begin(), found.end(), [](double x) { return std::isfinite(x); })) {
    return " [not a number, or infinite: does the input lie outside of the domain?]";
  }
  if (everywhere(0) && is_cotangent) return " [all are 0: does the rule use the cotangent?]";
  if (everywhere(0) && order == 1) return " [all are 0: does the rule set this input's cotangent?]";
  if (everywhere(-1)) return " [all have the other sign]";
  if (everywhere(ratio) && ratio != 0) {
    return formatted(" [all are {:.3g} of what they should be: a factor is wrong]", ratio);
  }
  if (order == 2) {
    return " [the first derivative is right: does the rule detach an input, or use a kernel in "
           "place of an op?]";
  }
  return "";
}

GradCheckResult check_scalar(std::string_view name, int order, const Scalar& f,
                             std::span<const Tensor> inputs, const GradCheckOptions& options) {
  GradCheckResult result;
  double& largest = order == 1 ? result.first_error : result.second_error;
  const std::vector<Var> vars = leaves(inputs);
  const List<Var> gradients = grad(f(vars), vars, {.unused = Unused::zeros});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Compared compared = compare(f, inputs, i, gradients[i].value(), options.step);
    std::size_t wrong = 0;
    std::size_t first_wrong = 0;
    for (std::size_t element = compared.found.size(); element-- > 0;) {
      const double error = compared.error(element);
      if (!(error <= largest)) largest = error;
      result.nonzero =
          result.nonzero || std::abs(compared.found[element]) > compared.noise[element];
      if (error <= options.tolerance) continue;
      ++wrong;
      first_wrong = element;
    }
    if (wrong == 0 || !result.ok) continue;
    const bool is_cotangent = order == 2 && i + 1 == inputs.size();
    result.ok = false;
    result.text = formatted(
        "check_grad: {}, order {}: derivative in {} {} at {}: differences give {:.9g}, the rule "
        "gave {:.9g} ({} of {} elements differ){}",
        name, order, is_cotangent ? "the cotangent" : formatted("input {}", i), inputs[i].shape(),
        place_in(inputs[i].shape(), static_cast<std::int64_t>(first_wrong)),
        compared.expected[first_wrong], compared.found[first_wrong], wrong, compared.found.size(),
        hint(compared, order, is_cotangent));
  }
  return result;
}

GradCheckResult merged(GradCheckResult first, const GradCheckResult& second) {
  if (first.ok) first.text = second.text;
  first.ok = first.ok && second.ok;
  first.nonzero = first.nonzero || second.nonzero;
  first.second_error = second.second_error;
  return first;
}

}  // namespace

GradCheckResult check_grad(std::string_view name, const Function& f, std::span<const Tensor> inputs,
                           const GradCheckOptions& options) {
  for (const Tensor& input : inputs) {
    if (input.dtype() != DType::f64) {
      fail<DTypeError>("check_grad: inputs must be f64, so that differences mean something: {}",
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
        const std::string stream = formatted("projection {}", i);
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
    result.text = formatted("check_grad: {}: nothing was tested: every derivative is zero", name);
  }
  return result;
}

}  // namespace taskgrad
