// Reverse-mode derivatives, returned as values.
#pragma once

#include <taskgrad/autograd/var.h>
#include <taskgrad/core/memory.h>

#include <initializer_list>
#include <span>

namespace taskgrad {

/// What to do about an input that the output does not depend on.
enum class Unused { error, zeros };

struct GradOptions {
  /// Record the computation of the gradient, so that it can be differentiated again.
  bool create_graph = false;
  Unused unused = Unused::error;
  /// Cotangent of y, of its shape and dtype; without one y must have a single element.
  Var cotangent = {};
};

/// The gradients of y in each of `inputs`, in their order: d(sum(cotangent * y)) / d(input).
///
/// Only nodes between y and the inputs are visited, in descending order of creation; cost is at
/// most a few times that of the forward pass and memory is that of the graph. Called as
/// `grad(std::move(y), ...)` the graph is released while it is passed, as far as nobody else holds
/// it. Throws GraphError: y is not a scalar, an input is not tracked or not reached, an op on the
/// way is not differentiable.
List<Var> grad(Var y, std::span<const Var> inputs, const GradOptions& options = {});
List<Var> grad(Var y, std::initializer_list<Var> inputs, const GradOptions& options = {});
Var grad(Var y, const Var& input, const GradOptions& options = {});

}  // namespace taskgrad
