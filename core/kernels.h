// Every raw kernel: tensors in, tensor out, no derivatives. This is what the ops of autograd/ are
// made of; most users never need it.
//
// Binary kernels broadcast by NumPy's rule. All throw ShapeError or DTypeError naming themselves
// before anything is computed. Results are packed (an input itself, where nothing is to be done);
// equal bits for every thread count.
#pragma once

#include <taskgrad/core/tensor.h>

#include <string_view>

namespace taskgrad::kernels {

// copy.cpp
Tensor copy(const Tensor& x);               ///< packed copy of any view
Tensor cast(const Tensor& x, DType dtype);  ///< packed copy with other element type

// elementwise.cpp: z = f(x, y)
Tensor add(const Tensor& x, const Tensor& y);
Tensor sub(const Tensor& x, const Tensor& y);
Tensor mul(const Tensor& x, const Tensor& y);
Tensor div(const Tensor& x, const Tensor& y);
Tensor maximum(const Tensor& x, const Tensor& y);
Tensor div_or_zero(const Tensor& x, const Tensor& y);   ///< x/y, and 0 where y is 0
Tensor hypot(const Tensor& x, const Tensor& y);         ///< sqrt(x^2 + y^2)
Tensor preference(const Tensor& x, const Tensor& y);    ///< 1 where x > y, 1/2 where equal, else 0
Tensor tanh_grad(const Tensor& g, const Tensor& y);     ///< g (1 - y^2)
Tensor sigmoid_grad(const Tensor& g, const Tensor& y);  ///< g y (1 - y)
Tensor relu_grad(const Tensor& g, const Tensor& x);     ///< g where x > 0, else 0
/// x + y for two tensors of one shape, written into x when that handle is the only one.
Tensor add_into(Tensor&& x, const Tensor& y);

// elementwise.cpp: z = f(x)
Tensor neg(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);  ///< -1, 0 or 1
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);   ///< 1/(1 + e^-x), without overflow
Tensor softplus(const Tensor& x);  ///< log(1 + e^x), without overflow
Tensor relu(const Tensor& x);
Tensor scale(const Tensor& x, double factor);
Tensor add_scalar(const Tensor& x, double addend);
Tensor pow_scalar(const Tensor& x, double exponent);

// reduce.cpp: the order of additions is a matter of shape alone. A sum of all elements runs in 16
// lanes over blocks of 4,096 and a pairwise tree over the blocks; one along an axis adds in
// sequence
Tensor sum(const Tensor& x, AxisSet axes = kAllAxes, bool keep = false);
Tensor sum_to(const Tensor& x, const Shape& shape);  ///< adjoint of expand
Tensor dot(const Tensor& x, const Tensor& y);        ///< over all elements; same shape
Tensor norm(const Tensor& x);                        ///< Euclidean, over all elements
bool all_finite(const Tensor& x);

// matmul.cpp: transposed views are read in place
Tensor matmul(const Tensor& a, const Tensor& b);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);  ///< x W' + b

// optimizer.cpp: one pass over all state. `next` becomes the new value of `value`; it may be the
// same handle. What is written has one handle (asserted), and nothing is allocated when value and
// gradient are packed, so that an optimizer's step is all or nothing.
struct AdamRates {
  double step, beta1, beta2, epsilon, decay, first_correction, second_correction;
};
/// One update of Adam; see nn/optim.h for the formula.
void adam(const Tensor& value, Tensor& next, Tensor& mean, Tensor& variance, const Tensor& gradient,
          const AdamRates& rates);
/// velocity = momentum velocity + (gradient + decay value); next = value - rate velocity.
void sgd(const Tensor& value, Tensor& next, Tensor& velocity, const Tensor& gradient, double rate,
         double momentum, double decay);

}  // namespace taskgrad::kernels
