// Every raw kernel: tensors in, tensor out, no derivatives. This is what the ops of autograd/ are
// made of; most users never need it.
//
// Binary kernels broadcast by NumPy's rule. All throw ShapeError or DTypeError naming themselves
// before anything is computed. Results are packed (an input itself, where nothing is to be done);
// equal bits for every thread count.
#pragma once

#include <taskgrad/core/labels.h>
#include <taskgrad/core/tensor.h>

#include <array>
#include <span>
#include <string_view>

namespace taskgrad::kernels {

// What the kernels below check, for functions that are made of several and name themselves.
void check_dtypes(std::string_view where, const Tensor& x, const Tensor& y);  ///< the same
void check_binary(std::string_view where, const Tensor& x, const Tensor& y);  ///< also: broadcast
void check_not_empty(std::string_view where, const Shape& shape, AxisSet axes);

// copy.cpp
Tensor copy(const Tensor& x);               ///< packed copy of any view
Tensor cast(const Tensor& x, DType dtype);  ///< packed copy with other element type

// binary.cpp: z = f(x, y)
Tensor add(const Tensor& x, const Tensor& y);
Tensor sub(const Tensor& x, const Tensor& y);
Tensor mul(const Tensor& x, const Tensor& y);
Tensor div(const Tensor& x, const Tensor& y);
/// s (x - y), s a scalar, x and y of one shape.
Tensor scaled_difference(const Tensor& s, const Tensor& x, const Tensor& y);
Tensor maximum(const Tensor& x, const Tensor& y);
Tensor div_or_zero(const Tensor& x, const Tensor& y);   ///< x/y, and 0 where y is 0
Tensor hypot(const Tensor& x, const Tensor& y);         ///< sqrt(x^2 + y^2)
Tensor preference(const Tensor& x, const Tensor& y);    ///< 1 where x > y, 1/2 where equal, else 0
Tensor tanh_grad(const Tensor& g, const Tensor& y);     ///< g (1 - y^2)
Tensor sigmoid_grad(const Tensor& g, const Tensor& y);  ///< g y (1 - y)
Tensor relu_grad(const Tensor& g, const Tensor& x);     ///< g where x > 0, else 0
Tensor equal(const Tensor& x, const Tensor& y);         ///< 1 where x = y, else 0
Tensor mask(const Tensor& x, const Tensor& m);          ///< x where m is not 0, else 0
/// x + y for two tensors of one shape, written into x when that handle is the only one.
Tensor add_into(Tensor&& x, const Tensor& y);

// unary.cpp: z = f(x)
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
Tensor expm1(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor clamp(const Tensor& x, double low, double high);
Tensor between(const Tensor& x, double low, double high);  ///< 1 where low <= x <= high, else 0

// reduce.cpp: the order of additions is a matter of shape alone. A sum of all elements runs in 16
// lanes over blocks of 4,096 and a pairwise tree over the blocks; one along an axis adds in
// sequence
Tensor sum(const Tensor& x, AxisSet axes = kAllAxes, bool keep = false);
Tensor sum_to(const Tensor& x, const Shape& shape);      ///< adjoint of expand
Tensor dot(const Tensor& x, const Tensor& y);            ///< over all elements; same shape
Tensor squared_error(const Tensor& x, const Tensor& y);  ///< sum of (x - y)^2; same shape
Tensor norm(const Tensor& x);                            ///< Euclidean, over all elements
/// The largest element along axes, none of which may be empty; NaN if there is one.
Tensor max(const Tensor& x, AxisSet axes = kAllAxes, bool keep = false);
/// Sums of the elements up to each place along an axis; from each place on, if `reverse`.
Tensor cumsum(const Tensor& x, int axis, bool reverse = false);
bool all_finite(const Tensor& x);

// copy.cpp
Tensor pad(const Tensor& x, int axis, std::int64_t before, std::int64_t after);  ///< with zeros
Tensor concat(std::span<const Tensor> parts, int axis);

// index.cpp: labels lie in [0, extent of the axis)
/// Along `axis`, what each label names; the axes of the labels take that axis's place.
Tensor gather(const Tensor& x, const Labels& labels, int axis);
/// Adjoint of gather: adds each slice to the place its label names; `extent` places.
Tensor scatter_add(const Tensor& x, const Labels& labels, int axis, std::int64_t extent);
Tensor one_hot(const Labels& labels, std::int64_t classes, DType dtype);  ///< [labels..., classes]
Labels argmax(const Tensor& x, int axis);  ///< the first of the largest; NaN counts as largest

// matmul.cpp: [..., m, k] [..., k, n]; transposed views are read in place
Tensor matmul(const Tensor& a, const Tensor& b);
/// sum_to(matmul(a, b), shape) without the terms of the sum in memory.
Tensor matmul_to(const Tensor& a, const Tensor& b, const Shape& shape);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);       ///< x W' + b
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias);  ///< relu of that

// window.cpp: x is [n, c, h, w]

/// A window that slides over the last two axes; each pair is {vertical, horizontal}.
struct Window {
  using Pair = std::array<std::int64_t, 2>;
  Pair size{1, 1};
  Pair stride{1, 1};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  /// The places it has on an image of these extents. Throws ShapeError naming `where` when it has
  /// none, or for sizes that make no sense.
  Pair places(std::string_view where, const Shape& image) const;
};

/// [n, c * window, places]: the window's contents at each place; zeros beyond the border.
Tensor im2col(const Tensor& x, const Window& window);
/// Adjoint of im2col: adds every window's contents to the image [n, c, h, w].
Tensor col2im(const Tensor& columns, const Shape& image, const Window& window);
/// [n, c, places]: where in x (in row-major order) the first of the largest elements lies.
Labels max_in_window(const Tensor& x, const Window& window);

// convolution.cpp: each function is linear in both arguments, and the other two are its
// derivatives. The window's contents are made for one image and one group at a time, of which each
// thread has its own; threads share out images and groups, and in conv2d_filters the elements of a
// filter, each of which needs a row of the contents.

/// The window's contents at each place of x [n, c, h, w] times filters [out, c / groups, window]:
/// [n, out, places].
Tensor conv2d(const Tensor& x, const Tensor& filters, const Window& window, std::int64_t groups);
/// Cotangent of x, whose shape is `image`, from that of the result.
Tensor conv2d_image(const Tensor& cotangent, const Tensor& filters, const Shape& image,
                    const Window& window, std::int64_t groups);
/// Cotangent of the filters from that of the result.
Tensor conv2d_filters(const Tensor& x, const Tensor& cotangent, const Window& window,
                      std::int64_t groups);

// optimizer.cpp: one pass over all state of all parameters. `next` becomes the new value of
// `value`; it may be the same handle. What is written has one handle and what is read is packed
// (both asserted); nothing is allocated, so that an optimizer's step is all or nothing.
struct AdamUpdate {
  const Tensor& value;
  Tensor &next, &mean, &variance;
  const Tensor& gradient;
};
struct AdamRates {
  double step, beta1, beta2, epsilon, decay, first_correction, second_correction;
};
/// One step of Adam; see nn/optim.h for the formula.
void adam(std::span<const AdamUpdate> updates, const AdamRates& rates);

struct SgdUpdate {
  const Tensor& value;
  Tensor &next, &velocity;
  const Tensor& gradient;
};
struct SgdRates {
  double step, momentum, decay;
};
/// velocity = momentum velocity + (gradient + decay value); next = value - step velocity.
void sgd(std::span<const SgdUpdate> updates, const SgdRates& rates);

}  // namespace taskgrad::kernels
