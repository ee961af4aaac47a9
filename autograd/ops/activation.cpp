#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace taskgrad {
namespace {

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
    if (c.needs(0)) out[0] = relu_grad(h, c.input(1));
  }
  static Samples samples() {
    Samples all = samples::binary([](double g, double x) { return x > 0 ? g : 0.0; }, 0.1, 2);
    all.good.push_back(
        {"both signs", {samples::numbers({3, 4}, -2, 2, 2), samples::numbers({3, 4}, -2, 2, 3)}});
    all.random = [random = all.random](Draw& draw) {
      Sample sample = random(draw);
      sample.inputs[1] = draw.numbers(sample.inputs[1].shape());
      return sample;
    };
    return all;
  }
};
const Registered<ReluGrad> registered_relu_grad;

struct Relu {
  static constexpr OpInfo info{.name = "relu", .formula = "max(x, 0); [x > 0] dx"};
  static Tensor forward(const Tensor& x) { return kernels::relu(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = relu_grad(g, c.input(0));
  }
  static Samples samples() {
    return samples::unary([](double x) { return x > 0 ? x : 0.0; });
  }
};
const Registered<Relu> registered_relu;

// With derivative 1 at 0, so that the parts of a piecewise function meet there.
Var at_most_zero(const Var& x) { return clamp(x, -std::numeric_limits<double>::infinity(), 0); }

struct LeakyRelu {
  static constexpr OpInfo info{.name = "leaky_relu",
                               .formula = "relu(x) + a min(x, 0); dx where x > 0, else a dx"};
  struct Attrs {
    double slope;
  };
  static Var compose(const Attrs& a, const Var& x) { return relu(x) + at_most_zero(x) * a.slope; }
  static Samples samples() {
    const auto value = [](double x) { return x > 0 ? x : 0.1 * x; };
    return samples::with_attrs(samples::unary(value), Attrs{0.1});
  }
};
const Registered<LeakyRelu> registered_leaky_relu;

struct Elu {
  static constexpr OpInfo info{
      .name = "elu", .formula = "relu(x) + a expm1(min(x, 0)); dx where x > 0, else a e^x dx"};
  struct Attrs {
    double alpha;
  };
  static Var compose(const Attrs& a, const Var& x) {
    return relu(x) + expm1(at_most_zero(x)) * a.alpha;
  }
  static Samples samples() {
    const auto value = [](double x) { return x > 0 ? x : 1.5 * std::expm1(x); };
    return samples::with_attrs(samples::unary(value), Attrs{1.5});
  }
};
const Registered<Elu> registered_elu;

struct Gelu {
  static constexpr OpInfo info{
      .name = "gelu", .formula = "x P(x), P the normal distribution function; (P + x P') dx"};
  static Var compose(const Var& x) { return x * (erf(x * (1 / std::numbers::sqrt2)) + 1.0) * 0.5; }
  static Samples samples() {
    return samples::unary([](double x) { return x * 0.5 * std::erfc(-x / std::numbers::sqrt2); });
  }
};
const Registered<Gelu> registered_gelu;

}  // namespace

Var tanh(const Var& x) { return apply<Tanh>(x); }
Var sigmoid(const Var& x) { return apply<Sigmoid>(x); }
Var softplus(const Var& x) { return apply<Softplus>(x); }
Var relu(const Var& x) { return apply<Relu>(x); }
Var relu_grad(const Var& g, const Var& x) {
  return apply<ReluGrad>(g, x.detach());  // the kink is crossed almost nowhere
}
Var leaky_relu(const Var& x, double slope) {
  return compose<LeakyRelu>(LeakyRelu::Attrs{slope}, x);
}
Var elu(const Var& x, double alpha) { return compose<Elu>(Elu::Attrs{alpha}, x); }
Var gelu(const Var& x) { return compose<Gelu>(x); }

}  // namespace taskgrad
