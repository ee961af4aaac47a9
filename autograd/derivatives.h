// What the field asks of derivatives, all of it made of grad(). Each takes a value that has been
// computed from its inputs; with create_graph the result is part of the graph in turn.
#pragma once

#include <taskgrad/autograd/grad.h>

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

namespace taskgrad {

struct DerivativeOptions {
  /// Record the computation of the result, so that it can be differentiated again.
  bool create_graph = false;
};

/// A function of Vars.
using Function = std::function<Var(std::span<const Var>)>;

/// The value of f and its gradients at `inputs`; f gives a single number. One pass.
struct ValueAndGrad {
  Tensor value;
  std::vector<Tensor> gradients;  ///< zeros for an input that f does not use
};
ValueAndGrad value_and_grad(const Function& f, std::span<const Tensor> inputs);
ValueAndGrad value_and_grad(const Function& f, std::initializer_list<Tensor> inputs);

/// Vector-Jacobian products: d <cotangent, y> / d input, for each input. One pass; zeros for an
/// input that y does not depend on. Throws as grad() does.
List<Var> vjp(const Var& y, std::span<const Var> inputs, const Var& cotangent,
              DerivativeOptions options = {});
Var vjp(const Var& y, const Var& input, const Var& cotangent, DerivativeOptions options = {});

/// Jacobian-vector product: the derivative of y as the inputs move along `tangents`, of y's shape.
/// Two passes: the product u -> vjp(u) is linear, and its own vjp is this. Throws ShapeError unless
/// there is one tangent an input, of its shape.
Var jvp(const Var& y, std::span<const Var> inputs, std::span<const Var> tangents,
        DerivativeOptions options = {});
Var jvp(const Var& y, const Var& input, const Var& tangent, DerivativeOptions options = {});

/// d y[i...] / d input[j...] with shape [i..., j...], at most six axes together. One pass an
/// element of y.
Var jacobian(const Var& y, const Var& input, DerivativeOptions options = {});

/// d^2 y / d input[i...] d input[j...] of a single number, with shape [i..., j...]. One pass an
/// element of the input, and one before.
Var hessian(const Var& y, const Var& input, DerivativeOptions options = {});

/// Hessian-vector products of a single number: the derivative of its gradients as the inputs move
/// along `vectors`, one product an input. Two passes, whatever the size. Throws ShapeError unless
/// there is one vector an input, of its shape.
List<Var> hvp(const Var& y, std::span<const Var> inputs, std::span<const Var> vectors,
              DerivativeOptions options = {});
Var hvp(const Var& y, const Var& input, const Var& vector, DerivativeOptions options = {});

}  // namespace taskgrad
