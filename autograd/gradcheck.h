// Derivatives checked against central differences.
#pragma once

#include <taskgrad/autograd/derivatives.h>

#include <span>
#include <string>
#include <string_view>

namespace taskgrad {

struct GradCheckOptions {
  int order = 2;            ///< 1: the gradient; 2: also the gradient of the gradient
  double step = 1e-6;       ///< of the differences, times |x| / 50 where that is above 1
  double tolerance = 1e-6;  ///< relative to the largest derivative in the same input
};

/// What a check found. `ok` is false also when every derivative was zero: nothing was tested then.
struct GradCheckResult {
  bool ok = true;
  double first_error = 0;   ///< the largest of order 1, relative likewise
  double second_error = 0;  ///< the same of order 2
  bool nonzero = false;     ///< whether any derivative differed from zero
  /// Name, order, input, element, expected and found, and what the mistake looks like; empty when
  /// ok. For example
  ///   check_grad: cube, order 1: derivative in input 0 [2] at [0]: differences give 0.75, the rule
  ///   gave 0.5 (2 of 2 elements differ) [all are 0.667 of what they should be: a factor is wrong]
  std::string text;
};

/// Compares the derivatives of `f` at `inputs` (f64) with central differences, through a random
/// projection of its output. Order 2 does the same to the gradient, as a function of the inputs and
/// of the cotangent. Cost: two evaluations an input element (and two gradients for order 2).
/// Throws DTypeError for f32 inputs.
GradCheckResult check_grad(std::string_view name, const Function& f, std::span<const Tensor> inputs,
                           const GradCheckOptions& options = {});

}  // namespace taskgrad
