#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

#include <cmath>

namespace taskgrad {
namespace {

struct Add {
  static constexpr OpInfo info{.name = "add", .formula = "x + y; dx + dy", .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::add(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g;
    if (c.needs(1)) out[1] = g;
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return x + y; });
  }
};
const Registered<Add> registered_add;

struct Sub {
  static constexpr OpInfo info{.name = "sub", .formula = "x - y; dx - dy", .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::sub(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g;
    if (c.needs(1)) out[1] = -g;
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return x - y; });
  }
};
const Registered<Sub> registered_sub;

struct Mul {
  static constexpr OpInfo info{.name = "mul", .formula = "x y; y dx + x dy", .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::mul(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g * c.input(1);
    if (c.needs(1)) out[1] = g * c.input(0);
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return x * y; });
  }
};
const Registered<Mul> registered_mul;

struct Div {
  static constexpr OpInfo info{
      .name = "div", .formula = "x / y; dx/y - (x/y) dy/y", .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::div(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g / c.input(1);
    if (c.needs(1)) out[1] = -(g * c.output() / c.input(1));
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return x / y; }, 0.5, 2);
  }
};
const Registered<Div> registered_div;

struct Neg {
  static constexpr OpInfo info{.name = "neg", .formula = "-x; -dx", .linear = 1};
  static Tensor forward(const Tensor& x) { return kernels::neg(x); }
  static void vjp(const Ctx&, const Var& g, Cotangents& out) { out[0] = -g; }
  static Samples samples() {
    return samples::unary([](double x) { return -x; });
  }
};
const Registered<Neg> registered_neg;

struct Scale {
  static constexpr OpInfo info{.name = "scale", .formula = "a x; a dx", .linear = 1};
  struct Attrs {
    double factor;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::scale(x, a.factor); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = g * c.attrs<Scale>().factor;
  }
  static Samples samples() {
    return samples::with_attrs(samples::unary([](double x) { return -2.5 * x; }), Attrs{-2.5});
  }
};
const Registered<Scale> registered_scale;

struct AddScalar {
  static constexpr OpInfo info{.name = "add_scalar", .formula = "x + a; dx"};
  struct Attrs {
    double addend;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::add_scalar(x, a.addend);
  }
  static void vjp(const Ctx&, const Var& g, Cotangents& out) { out[0] = g; }
  static Samples samples() {
    return samples::with_attrs(samples::unary([](double x) { return x + 0.75; }), Attrs{0.75});
  }
};
const Registered<AddScalar> registered_add_scalar;

struct Square {
  static constexpr OpInfo info{.name = "square", .formula = "x^2; 2 x dx"};
  static Tensor forward(const Tensor& x) { return kernels::square(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g * (c.input(0) * 2.0); }
  static Samples samples() {
    return samples::unary([](double x) { return x * x; });
  }
};
const Registered<Square> registered_square;

struct PowScalar {
  static constexpr OpInfo info{.name = "pow_scalar", .formula = "x^p; p x^(p-1) dx"};
  struct Attrs {
    double exponent;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::pow_scalar(x, a.exponent);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const double p = c.attrs<PowScalar>().exponent;
    if (p == 0) return;  // a constant; p x^-1 would be 0 * inf at x = 0
    out[0] = g * (pow(c.input(0), p - 1) * p);
  }
  static Samples samples() {
    return samples::with_attrs(samples::unary([](double x) { return std::pow(x, 1.7); }, 0.2, 2),
                               Attrs{1.7});
  }
};
const Registered<PowScalar> registered_pow_scalar;

struct DivOrZero {
  static constexpr OpInfo info{.name = "div_or_zero",
                               .formula = "x / y, 0 where y = 0; dx/y - (x/y) dy/y, 0 there too",
                               .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::div_or_zero(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = div_or_zero(g, c.input(1));
    if (c.needs(1)) out[1] = -div_or_zero(g * c.output(), c.input(1));
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return y == 0 ? 0 : x / y; }, 0.5, 2);
  }
};
const Registered<DivOrZero> registered_div_or_zero;

struct Hypot {
  static constexpr OpInfo info{.name = "hypot",
                               .formula = "h = sqrt(x^2 + y^2); (x/h) dx + (y/h) dy, 0 at h = 0",
                               .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::hypot(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Var rate = div_or_zero(g, c.output());
    if (c.needs(0)) out[0] = rate * c.input(0);
    if (c.needs(1)) out[1] = rate * c.input(1);
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return std::hypot(x, y); }, 0.5, 2);
  }
};
const Registered<Hypot> registered_hypot;

}  // namespace

Var operator+(const Var& x, const Var& y) { return apply<Add>(x, y); }
Var operator-(const Var& x, const Var& y) { return apply<Sub>(x, y); }
Var operator*(const Var& x, const Var& y) { return apply<Mul>(x, y); }
Var operator/(const Var& x, const Var& y) { return apply<Div>(x, y); }
Var operator-(const Var& x) { return apply<Neg>(x); }
Var operator*(const Var& x, double factor) { return apply<Scale>({factor}, x); }
Var operator*(double factor, const Var& x) { return x * factor; }
Var operator/(const Var& x, double divisor) { return x / constant(divisor, x.dtype()); }
Var operator+(const Var& x, double addend) { return apply<AddScalar>({addend}, x); }
Var operator+(double addend, const Var& x) { return x + addend; }
Var operator-(const Var& x, double subtrahend) { return x + -subtrahend; }
Var operator-(double minuend, const Var& x) { return -x + minuend; }
Var operator/(double dividend, const Var& x) { return constant(dividend, x.dtype()) / x; }
Var square(const Var& x) { return apply<Square>(x); }
Var pow(const Var& x, double exponent) { return apply<PowScalar>({exponent}, x); }
Var div_or_zero(const Var& x, const Var& y) { return apply<DivOrZero>(x, y); }
Var hypot(const Var& x, const Var& y) { return apply<Hypot>(x, y); }

}  // namespace taskgrad
