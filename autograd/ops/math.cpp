#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

#include <cmath>
#include <numbers>

namespace taskgrad {
namespace {

struct Exp {
  static constexpr OpInfo info{.name = "exp", .formula = "y = e^x; y dx"};
  static Tensor forward(const Tensor& x) { return kernels::exp(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g * c.output(); }
  static Samples samples() {
    return samples::unary([](double x) { return std::exp(x); });
  }
};
const Registered<Exp> registered_exp;

struct Log {
  static constexpr OpInfo info{.name = "log", .formula = "log x; dx / x"};
  static Tensor forward(const Tensor& x) { return kernels::log(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g / c.input(0); }
  static Samples samples() {
    return samples::unary([](double x) { return std::log(x); }, 0.3, 2);
  }
};
const Registered<Log> registered_log;

struct Sqrt {
  static constexpr OpInfo info{.name = "sqrt", .formula = "y = sqrt x; dx / (2 y)"};
  static Tensor forward(const Tensor& x) { return kernels::sqrt(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g / (c.output() * 2.0); }
  static Samples samples() {
    return samples::unary([](double x) { return std::sqrt(x); }, 0.3, 2);
  }
};
const Registered<Sqrt> registered_sqrt;

struct Rsqrt {
  static constexpr OpInfo info{.name = "rsqrt", .formula = "y = 1 / sqrt x; -(y / 2x) dx"};
  static Tensor forward(const Tensor& x) { return kernels::rsqrt(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = g * c.output() / (c.input(0) * -2.0);
  }
  static Samples samples() {
    return samples::unary([](double x) { return 1 / std::sqrt(x); }, 0.3, 2);
  }
};
const Registered<Rsqrt> registered_rsqrt;

struct Sign {
  static constexpr OpInfo info{.name = "sign", .formula = "-1, 0 or 1"};
  static Tensor forward(const Tensor& x) { return kernels::sign(x); }
  static constexpr NotDifferentiable vjp{};
  static Samples samples() {
    return samples::unary([](double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0); });
  }
};
const Registered<Sign> registered_sign;

struct Abs {
  static constexpr OpInfo info{.name = "abs", .formula = "|x|; sign(x) dx, 0 at 0"};
  static Tensor forward(const Tensor& x) { return kernels::abs(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = g * apply<Sign>(c.input(0).detach());  // the sign is constant almost everywhere
  }
  static Samples samples() {
    return samples::unary([](double x) { return std::abs(x); });
  }
};
const Registered<Abs> registered_abs;

struct Expm1 {
  static constexpr OpInfo info{.name = "expm1", .formula = "y = e^x - 1; (y + 1) dx"};
  static Tensor forward(const Tensor& x) { return kernels::expm1(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g * (c.output() + 1.0); }
  static Samples samples() {
    return samples::unary([](double x) { return std::expm1(x); });
  }
};
const Registered<Expm1> registered_expm1;

struct Log1p {
  static constexpr OpInfo info{.name = "log1p", .formula = "log(1 + x); dx / (1 + x)"};
  static Tensor forward(const Tensor& x) { return kernels::log1p(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g / (c.input(0) + 1.0); }
  static Samples samples() {
    return samples::unary([](double x) { return std::log1p(x); }, -0.7, 2);
  }
};
const Registered<Log1p> registered_log1p;

struct Sin {
  static constexpr OpInfo info{.name = "sin", .formula = "sin x; cos(x) dx"};
  static Tensor forward(const Tensor& x) { return kernels::sin(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g * cos(c.input(0)); }
  static Samples samples() {
    return samples::unary([](double x) { return std::sin(x); });
  }
};
const Registered<Sin> registered_sin;

struct Cos {
  static constexpr OpInfo info{.name = "cos", .formula = "cos x; -sin(x) dx"};
  static Tensor forward(const Tensor& x) { return kernels::cos(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = -(g * sin(c.input(0))); }
  static Samples samples() {
    return samples::unary([](double x) { return std::cos(x); });
  }
};
const Registered<Cos> registered_cos;

struct Erf {
  static constexpr OpInfo info{.name = "erf", .formula = "erf x; 2 / sqrt(pi) e^(-x^2) dx"};
  static Tensor forward(const Tensor& x) { return kernels::erf(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = g * (exp(-square(c.input(0))) * (2 * std::numbers::inv_sqrtpi));
  }
  static Samples samples() {
    return samples::unary([](double x) { return std::erf(x); });
  }
};
const Registered<Erf> registered_erf;

}  // namespace

Var exp(const Var& x) { return apply<Exp>(x); }
Var log(const Var& x) { return apply<Log>(x); }
Var sqrt(const Var& x) { return apply<Sqrt>(x); }
Var rsqrt(const Var& x) { return apply<Rsqrt>(x); }
Var abs(const Var& x) { return apply<Abs>(x); }
Var expm1(const Var& x) { return apply<Expm1>(x); }
Var log1p(const Var& x) { return apply<Log1p>(x); }
Var sin(const Var& x) { return apply<Sin>(x); }
Var cos(const Var& x) { return apply<Cos>(x); }
Var erf(const Var& x) { return apply<Erf>(x); }

}  // namespace taskgrad
