// The differentiable operations: value and derivative of each in one line. Every one is closed
// under differentiation. Binary ones broadcast by NumPy's rule; element types must match. All throw
// ShapeError or DTypeError naming the op.
#pragma once

#include <taskgrad/autograd/var.h>
#include <taskgrad/core/labels.h>
#include <taskgrad/core/rng.h>

#include <array>
#include <cstdint>
#include <initializer_list>
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
Var operator/(double dividend, const Var& x);
Var square(const Var& x);                     ///< x^2; d = 2x dx
Var pow(const Var& x, double exponent);       ///< x^p; d = p x^(p-1) dx
Var div_or_zero(const Var& x, const Var& y);  ///< x/y, and 0 with derivative 0 where y is 0
Var hypot(const Var& x, const Var& y);        ///< sqrt(x^2 + y^2); derivative 0 at 0

// select
Var maximum(const Var& x, const Var& y);  ///< ties share the derivative equally
Var minimum(const Var& x, const Var& y);  ///< ties share the derivative equally
Var maximum(const Var& x, double y);
Var minimum(const Var& x, double y);
Var greater(const Var& x, const Var& y);  ///< 1 where x > y, else 0; a constant
Var equal(const Var& x, const Var& y);    ///< 1 where x = y, else 0; a constant
Var mask(const Var& x, const Var& m);     ///< x where m is not 0, else 0; no derivative in m
Var where(const Var& m, const Var& x, const Var& y);  ///< x where m is not 0, else y
/// Into [low, high], with derivative 1 there (its ends too) and 0 outside. Throws ConfigError
/// unless low <= high.
Var clamp(const Var& x, double low, double high);

// math
Var exp(const Var& x);    ///< d = e^x dx
Var log(const Var& x);    ///< d = dx/x
Var sqrt(const Var& x);   ///< d = dx / (2 sqrt x)
Var rsqrt(const Var& x);  ///< 1/sqrt x; d = -x^(-3/2) dx / 2
Var abs(const Var& x);    ///< d = sign(x) dx, 0 at 0
Var expm1(const Var& x);  ///< e^x - 1, exact near 0
Var log1p(const Var& x);  ///< log(1 + x), exact near 0
Var sin(const Var& x);    ///< d = cos(x) dx
Var cos(const Var& x);    ///< d = -sin(x) dx
Var erf(const Var& x);    ///< d = 2 / sqrt(pi) e^(-x^2) dx

// activation
Var tanh(const Var& x);                             ///< d = (1 - y^2) dx
Var sigmoid(const Var& x);                          ///< d = y (1 - y) dx
Var softplus(const Var& x);                         ///< log(1 + e^x); d = sigmoid(x) dx
Var relu(const Var& x);                             ///< d = dx where x > 0, else 0
Var relu_grad(const Var& g, const Var& x);          ///< g where x > 0, else 0; no derivative in x
Var leaky_relu(const Var& x, double slope = 0.01);  ///< x where x > 0, else slope x
Var elu(const Var& x, double alpha = 1);            ///< x where x > 0, else alpha (e^x - 1)
Var gelu(const Var& x);                             ///< x P(N(0, 1) < x), exact

// reduce
Var sum(const Var& x);                                                ///< over all elements
Var sum(const Var& x, std::span<const int> axes, bool keep = false);  ///< over the given axes
Var mean(const Var& x);                                               ///< over all elements
Var mean(const Var& x, std::span<const int> axes, bool keep = false);
Var sum_to(const Var& x, const Shape& shape);  ///< adjoint of expand
Var expand(const Var& x, const Shape& shape);  ///< repeats along axes of extent 1
Var dot(const Var& x, const Var& y);           ///< sum of x y over one shape
Var norm(const Var& x);                        ///< Euclidean; derivative 0 at 0
Var max(const Var& x);                         ///< the largest element; ties share the derivative
Var max(const Var& x, std::span<const int> axes, bool keep = false);  ///< no axis may be empty
Var min(const Var& x);
Var min(const Var& x, std::span<const int> axes, bool keep = false);
Var cumsum(const Var& x, int axis);  ///< y_i = x_0 + ... + x_i

// Axes may be written in place: sum(x, {0, 1}).
using Axes = std::initializer_list<int>;
inline std::span<const int> as_span(Axes axes) { return {axes.begin(), axes.size()}; }
inline Var sum(const Var& x, Axes axes, bool keep = false) { return sum(x, as_span(axes), keep); }
inline Var mean(const Var& x, Axes axes, bool keep = false) { return mean(x, as_span(axes), keep); }
inline Var max(const Var& x, Axes axes, bool keep = false) { return max(x, as_span(axes), keep); }
inline Var min(const Var& x, Axes axes, bool keep = false) { return min(x, as_span(axes), keep); }

// softmax: shifted by the largest element, so that nothing overflows
Var logsumexp(const Var& x);  ///< log of the sum of e^x over all elements
Var logsumexp(const Var& x, std::span<const int> axes, bool keep = false);
Var log_softmax(const Var& x, int axis = -1);
Var softmax(const Var& x, int axis = -1);
/// -log_softmax(logits)[label] for each example: logits [..., classes], labels [...], result [...].
Var cross_entropy(const Var& logits, const Labels& labels);

// shape
Var reshape(const Var& x, const Shape& shape);
Var permute(const Var& x, std::span<const int> order);
inline Var permute(const Var& x, Axes order) { return permute(x, as_span(order)); }
Var transpose(const Var& x);  ///< swaps the last two axes
Var slice(const Var& x, int axis, std::int64_t start, std::int64_t stop);
Var pad(const Var& x, int axis, std::int64_t before, std::int64_t after);  ///< with zeros
Var concat(std::span<const Var> parts, int axis);  ///< along an axis they have
Var stack(std::span<const Var> parts, int axis);   ///< along a new axis
Var concat(std::initializer_list<Var> parts, int axis);
Var stack(std::initializer_list<Var> parts, int axis);

// index: labels lie in [0, extent of the axis); they are not differentiated
/// Along `axis`, the slices that labels name: the axes of the labels take that axis's place.
Var gather(const Var& x, const Labels& labels, int axis);
/// Adjoint of gather: adds each slice to the place its label names, of `extent` places.
Var scatter_add(const Var& x, const Labels& labels, int axis, std::int64_t extent);
Var embedding(const Var& table, const Labels& labels);  ///< [labels..., features] of [n, features]
Tensor one_hot(const Labels& labels, std::int64_t classes, DType dtype);  ///< [labels..., classes]
Labels argmax(const Var& x, int axis);  ///< the first of the largest

// matmul
/// [..., m, k] [..., k, n]; leading axes broadcast.
Var matmul(const Var& a, const Var& b);
/// x W' + b along the last axis: x [..., in], W [out, in], b [out], result [..., out].
Var linear(const Var& x, const Var& weight, const Var& bias);
Var linear_relu(const Var& x, const Var& weight, const Var& bias);  ///< relu of that, in one pass

// window: images are [n, channels, height, width]; each pair is {vertical, horizontal}
struct Conv2dOptions {
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> padding{0, 0};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::int64_t groups = 1;
};
struct Pool2dOptions {
  std::array<std::int64_t, 2> size{0, 0};    ///< must be given
  std::array<std::int64_t, 2> stride{0, 0};  ///< {0, 0}: the size
  std::array<std::int64_t, 2> padding{0, 0};
};
/// Cross-correlation; weight [out, in / groups, height, width]. A thread needs memory for what the
/// windows of one image hold: height x width of the weight times that image.
Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options = {});
Var max_pool2d(const Var& x, const Pool2dOptions& options);  ///< a tie goes to the first
Var avg_pool2d(const Var& x, const Pool2dOptions& options);  ///< padding counts as zeros

// normalise
/// (x - mean) / sqrt(variance + epsilon) weight + bias over the last axes, those of weight and
/// bias.
Var layer_norm(const Var& x, const Var& weight, const Var& bias, double epsilon = 1e-5);
/// What a batch gives: y, and its statistics for a running average (the variance unbiased).
struct BatchNormed {
  Var y;
  Tensor mean, variance;  ///< [channels]
};
/// The same for each channel of x [n, channels, ...] over all other axes. Nothing is remembered:
/// see nn::RunningStatistics.
BatchNormed batch_norm(const Var& x, const Var& weight, const Var& bias, double epsilon = 1e-5);
/// With given statistics [channels].
Var batch_norm_eval(const Var& x, const Var& weight, const Var& bias, const Var& mean,
                    const Var& variance, double epsilon = 1e-5);

// loss
Var squared_error(const Var& x, const Var& y);  ///< sum of (x - y)^2 over all elements; same shape
// The others are taken element by element, to be joined by mean or sum.
/// (x - y)^2 / 2 up to |x - y| = delta, and straight on from there.
Var huber(const Var& x, const Var& y, double delta = 1);
/// -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)), without overflow.
Var bce_with_logits(const Var& x, const Var& target);
/// x / (1 - p) where the stream's number for the element is at least p, else 0. The same stream
/// gives the same choice: take another one for each step.
Var dropout(const Var& x, double p, const Rng& rng);

}  // namespace taskgrad
