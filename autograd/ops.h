// The differentiable operations: value and derivative of each in one line. Every one is closed
// under differentiation. Binary ones broadcast by NumPy's rule; element types must match. All throw
// ShapeError or DTypeError naming the op.
#pragma once

#include <taskgrad/autograd/var.h>

#include <span>

namespace taskgrad {

// arithmetic
Var operator+(const Var& x, const Var& y);  ///< d = dx + dy
Var operator-(const Var& x, const Var& y);  ///< d = dx - dy
Var operator*(const Var& x, const Var& y);  ///< d = y dx + x dy
Var operator/(const Var& x, const Var& y);  ///< d = dx/y - x dy/y^2
Var operator-(const Var& x);                ///< d = -dx
Var operator*(const Var& x, double factor);
Var operator*(double factor, const Var& x);
Var operator/(const Var& x, double divisor);
Var operator+(const Var& x, double addend);
Var operator+(double addend, const Var& x);
Var operator-(const Var& x, double subtrahend);
Var operator-(double minuend, const Var& x);
Var square(const Var& x);                     ///< x^2; d = 2x dx
Var pow(const Var& x, double exponent);       ///< x^p; d = p x^(p-1) dx
Var maximum(const Var& x, const Var& y);      ///< ties share the derivative equally
Var div_or_zero(const Var& x, const Var& y);  ///< x/y, and 0 with derivative 0 where y is 0
Var hypot(const Var& x, const Var& y);        ///< sqrt(x^2 + y^2); derivative 0 at 0

// math
Var exp(const Var& x);       ///< d = e^x dx
Var log(const Var& x);       ///< d = dx/x
Var sqrt(const Var& x);      ///< d = dx / (2 sqrt x)
Var rsqrt(const Var& x);     ///< 1/sqrt x; d = -x^(-3/2) dx / 2
Var abs(const Var& x);       ///< d = sign(x) dx, 0 at 0
Var tanh(const Var& x);      ///< d = (1 - y^2) dx
Var sigmoid(const Var& x);   ///< d = y (1 - y) dx
Var softplus(const Var& x);  ///< log(1 + e^x); d = sigmoid(x) dx
Var relu(const Var& x);      ///< d = dx where x > 0, else 0

// reduce
Var sum(const Var& x);                                                ///< over all elements
Var sum(const Var& x, std::span<const int> axes, bool keep = false);  ///< over the given axes
Var mean(const Var& x);                                               ///< over all elements
Var mean(const Var& x, std::span<const int> axes, bool keep = false);
Var sum_to(const Var& x, const Shape& shape);  ///< adjoint of expand
Var expand(const Var& x, const Shape& shape);  ///< repeats along axes of extent 1
Var dot(const Var& x, const Var& y);           ///< sum of x y over one shape
Var norm(const Var& x);                        ///< Euclidean; derivative 0 at 0

// shape
Var reshape(const Var& x, const Shape& shape);
Var permute(const Var& x, std::span<const int> order);
Var transpose(const Var& x);  ///< swaps the last two axes

// matmul
Var matmul(const Var& a, const Var& b);                        ///< [m, k] [k, n]
Var linear(const Var& x, const Var& weight, const Var& bias);  ///< x W' + b, W [out, in]

}  // namespace taskgrad
