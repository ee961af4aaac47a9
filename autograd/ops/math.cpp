#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

#include <cmath>

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

// The derivative of tanh as an op of its own: one kernel in a first-order pass.
struct TanhGrad {
  static constexpr OpInfo info{
      .name = "tanh_grad", .formula = "g (1 - y^2); (1 - y^2) dg - 2 g y dy", .broadcasts = true};
  static Tensor forward(const Tensor& g, const Tensor& y) { return kernels::tanh_grad(g, y); }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    if (c.needs(0)) out[0] = apply<TanhGrad>(h, c.input(1));
    if (c.needs(1)) out[1] = h * c.input(0) * c.input(1) * -2.0;
  }
  static Samples samples() {
    return samples::binary([](double g, double y) { return g * (1 - y * y); }, -0.9, 0.9);
  }
};
const Registered<TanhGrad> registered_tanh_grad;

struct Tanh {
  static constexpr OpInfo info{.name = "tanh", .formula = "y = tanh x; (1 - y^2) dx"};
  static Tensor forward(const Tensor& x) { return kernels::tanh(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = apply<TanhGrad>(g, c.output());
  }
  static Samples samples() {
    return samples::unary([](double x) { return std::tanh(x); });
  }
};
const Registered<Tanh> registered_tanh;

struct SigmoidGrad {
  static constexpr OpInfo info{.name = "sigmoid_grad",
                               .formula = "g y (1 - y); y (1 - y) dg + g (1 - 2 y) dy",
                               .broadcasts = true};
  static Tensor forward(const Tensor& g, const Tensor& y) { return kernels::sigmoid_grad(g, y); }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    if (c.needs(0)) out[0] = apply<SigmoidGrad>(h, c.input(1));
    if (c.needs(1)) out[1] = h * c.input(0) * (1.0 - c.input(1) * 2.0);
  }
  static Samples samples() {
    return samples::binary([](double g, double y) { return g * y * (1 - y); }, 0.1, 0.9);
  }
};
const Registered<SigmoidGrad> registered_sigmoid_grad;

struct Sigmoid {
  static constexpr OpInfo info{.name = "sigmoid", .formula = "y = 1 / (1 + e^-x); y (1 - y) dx"};
  static Tensor forward(const Tensor& x) { return kernels::sigmoid(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = apply<SigmoidGrad>(g, c.output());
  }
  static Samples samples() {
    return samples::unary([](double x) { return 1 / (1 + std::exp(-x)); });
  }
};
const Registered<Sigmoid> registered_sigmoid;

struct Softplus {
  static constexpr OpInfo info{.name = "softplus", .formula = "log(1 + e^x); sigmoid(x) dx"};
  static Tensor forward(const Tensor& x) { return kernels::softplus(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { out[0] = g * sigmoid(c.input(0)); }
  static Samples samples() {
    return samples::unary([](double x) { return std::log1p(std::exp(x)); });
  }
};
const Registered<Softplus> registered_softplus;

struct ReluGrad {
  static constexpr OpInfo info{.name = "relu_grad",
                               .formula = "g [x > 0]; [x > 0] dg, 0 dx almost everywhere",
                               .broadcasts = true};
  static Tensor forward(const Tensor& g, const Tensor& x) { return kernels::relu_grad(g, x); }
  static void vjp(const Ctx& c, const Var& h, Cotangents& out) {
    if (c.needs(0)) out[0] = apply<ReluGrad>(h, c.input(1).detach());
  }
  static Samples samples() {
    Samples all = samples::binary([](double g, double x) { return x > 0 ? g : 0.0; }, 0.1, 2);
    all.good.push_back(
        {"both signs", {samples::numbers({3, 4}, -2, 2, 2), samples::numbers({3, 4}, -2, 2, 3)}});
    return all;
  }
};
const Registered<ReluGrad> registered_relu_grad;

struct Relu {
  static constexpr OpInfo info{.name = "relu", .formula = "max(x, 0); [x > 0] dx"};
  static Tensor forward(const Tensor& x) { return kernels::relu(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = apply<ReluGrad>(g, c.input(0).detach());  // the kink is crossed almost nowhere
  }
  static Samples samples() {
    return samples::unary([](double x) { return x > 0 ? x : 0.0; });
  }
};
const Registered<Relu> registered_relu;

}  // namespace

Var exp(const Var& x) { return apply<Exp>(x); }
Var log(const Var& x) { return apply<Log>(x); }
Var sqrt(const Var& x) { return apply<Sqrt>(x); }
Var rsqrt(const Var& x) { return apply<Rsqrt>(x); }
Var abs(const Var& x) { return apply<Abs>(x); }
Var tanh(const Var& x) { return apply<Tanh>(x); }
Var sigmoid(const Var& x) { return apply<Sigmoid>(x); }
Var softplus(const Var& x) { return apply<Softplus>(x); }
Var relu(const Var& x) { return apply<Relu>(x); }

}  // namespace taskgrad
