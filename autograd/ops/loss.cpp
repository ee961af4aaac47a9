// Losses element by element, and dropout.
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/rng.h>

#include <cmath>

namespace taskgrad {
namespace {

struct Huber {
  static constexpr OpInfo info{
      .name = "huber",
      .formula = "c (r - c/2), r = x - y, c = clamp(r, -d, d); c (dx - dy)",
      .broadcasts = true};
  struct Attrs {
    double delta;
  };
  static Var compose(const Attrs& a, const Var& x, const Var& y) {
    kernels::check_binary("huber", x.value(), y.value());
    const Var r = x - y;
    const Var c = clamp(r, -a.delta, a.delta);
    return c * (r - c * 0.5);
  }
  static Samples samples() {
    const auto value = [](double x, double y) {
      const double r = std::abs(x - y);
      return r <= 0.75 ? r * r / 2 : 0.75 * (r - 0.375);
    };
    return samples::with_attrs(samples::binary(value), Attrs{0.75});
  }
};
const Registered<Huber> registered_huber;

struct BceWithLogits {
  static constexpr OpInfo info{.name = "bce_with_logits",
                               .formula =
                                   "t softplus(-x) + (1 - t) softplus(x); "
                                   "(sigmoid(x) - t) dx - x dt",
                               .broadcasts = true};
  // softplus(x) - t x would lose a small loss in the difference of two large numbers.
  static Var compose(const Var& x, const Var& target) {
    kernels::check_binary("bce_with_logits", x.value(), target.value());
    return target * softplus(-x) + (1.0 - target) * softplus(x);
  }
  static Samples samples() {
    const auto value = [](double x, double t) {
      const double p = 1 / (1 + std::exp(-x));
      return -t * std::log(p) - (1 - t) * std::log1p(-p);
    };
    return samples::binary(value, 0, 1);
  }
};
const Registered<BceWithLogits> registered_bce_with_logits;

struct Dropout {
  static constexpr OpInfo info{.name = "dropout",
                               .formula = "x / (1 - p) where a coin says so, else 0; dx alike",
                               .linear = 1};
  struct Attrs {
    double p;
    Rng rng;
  };
  static Var compose(const Attrs& a, const Var& x) {
    const Tensor coins = a.rng.uniform(x.shape(), 0, 1, DType::f32);  // the same for every dtype
    const Tensor stays = kernels::between(coins, a.p, 1).to(x.dtype());
    return mask(x, constant(stays)) * (1 / (1 - a.p));
  }
  static Samples samples() {
    const Attrs attrs{0.3, Rng(7)};
    Samples all = samples::unary({});
    all.batched.clear();  // the coins of a part are not those of the whole
    return samples::with_attrs(all, attrs);
  }
};
const Registered<Dropout> registered_dropout;

}  // namespace

Var huber(const Var& x, const Var& y, double delta) {
  if (!(delta > 0)) fail<ConfigError>("huber: delta must be positive: {}", delta);
  return compose<Huber>(Huber::Attrs{delta}, x, y);
}
Var bce_with_logits(const Var& x, const Var& target) { return compose<BceWithLogits>(x, target); }
Var dropout(const Var& x, double p, const Rng& rng) {
  if (!(p >= 0 && p < 1)) fail<ConfigError>("dropout: p must lie in [0, 1): {}", p);
  return compose<Dropout>(Dropout::Attrs{p, rng}, x);
}

}  // namespace taskgrad
