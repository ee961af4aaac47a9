// What is chosen among elements. The choice is constant almost everywhere, so it is made on
// detached values.
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace taskgrad {
namespace {

// 1 where x > y, 1/2 where equal, 0 elsewhere: which side of a maximum the derivative takes.
struct Preference {
  static constexpr OpInfo info{.name = "preference", .formula = "[x > y] + [x = y] / 2"};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::preference(x, y); }
  static constexpr NotDifferentiable vjp{};
  static Samples samples() {
    return samples::binary([](double x, double y) { return x > y ? 1.0 : (x == y ? 0.5 : 0.0); });
  }
};
const Registered<Preference> registered_preference;

struct Maximum {
  static constexpr OpInfo info{.name = "maximum",
                               .formula = "max(x, y); dx or dy, half of each at a tie",
                               .broadcasts = true};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::maximum(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Var x = c.input(0).detach();  // the choice is constant almost everywhere
    const Var y = c.input(1).detach();
    if (c.needs(0)) out[0] = g * apply<Preference>(x, y);
    if (c.needs(1)) out[1] = g * apply<Preference>(y, x);
  }
  static Samples samples() {
    return samples::binary([](double x, double y) { return x > y ? x : y; });
  }
};
const Registered<Maximum> registered_maximum;

// A row that is needed or not, at m in {0, 1, 2}.
Tensor zero_or_not(const Shape& shape, unsigned seed) {
  Tensor m = samples::numbers(shape, 0, 3, seed);
  for (double& value : std::span(m.mutable_data<double>(), static_cast<std::size_t>(m.size()))) {
    value = std::floor(value);
  }
  return m;
}

struct Mask {
  static constexpr OpInfo info{.name = "mask",
                               .formula = "x where m is not 0, else 0; dx there, nothing in m",
                               .broadcasts = true,
                               .linear = 1};
  static Tensor forward(const Tensor& x, const Tensor& m) { return kernels::mask(x, m); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = mask(g, c.input(1).detach());
  }
  static Samples samples() {
    Samples all = samples::binary([](double x, double m) { return m == 0 ? 0.0 : x; }, 0.5, 2);
    all.good.push_back({"some are 0", {samples::numbers({3, 4}, -2, 2), zero_or_not({3, 4}, 2)}});
    all.good.push_back({"a row of them", {samples::numbers({3, 4}, -2, 2), zero_or_not({4}, 3)}});
    all.random = [random = all.random](Draw& draw) {
      Sample sample = random(draw);
      sample.inputs[1] = zero_or_not(sample.inputs[1].shape(), draw.seed());
      return sample;
    };
    return all;
  }
};
const Registered<Mask> registered_mask;

struct Clamp {
  static constexpr OpInfo info{.name = "clamp",
                               .formula = "min(max(x, a), b); dx where a <= x <= b, else 0"};
  struct Attrs {
    double low, high;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::clamp(x, a.low, a.high);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Clamp>();
    out[0] = mask(g, constant(kernels::between(c.input(0).value(), a.low, a.high)));
  }
  static Samples samples() {
    const auto value = [](double x) { return std::min(std::max(x, -0.75), 1.25); };
    return samples::with_attrs(samples::unary(value), Attrs{-0.75, 1.25});
  }
};
const Registered<Clamp> registered_clamp;

struct Minimum {
  static constexpr OpInfo info{.name = "minimum",
                               .formula = "-maximum(-x, -y); dx or dy, half of each at a tie",
                               .broadcasts = true};
  static Var compose(const Var& x, const Var& y) {
    kernels::check_binary("minimum", x.value(), y.value());
    return -maximum(-x, -y);
  }
  static Samples samples() {
    Samples all = samples::binary([](double x, double y) { return x < y ? x : y; });
    return all;
  }
};
const Registered<Minimum> registered_minimum;

struct Where {
  static constexpr OpInfo info{.name = "where",
                               .formula = "x where m is not 0, else y; dx or dy, nothing in m",
                               .broadcasts = true};
  static Var compose(const Var& m, const Var& x, const Var& y) {
    kernels::check_binary("where", m.value(), x.value());
    kernels::check_binary("where", m.value(), y.value());
    kernels::check_binary("where", x.value(), y.value());
    const Var zeros = constant(kernels::equal(m.value(), Tensor::scalar(0, m.dtype())));
    return mask(x, m.detach()) + mask(y, zeros);
  }
  static Samples samples() {
    const Tensor x = samples::numbers({3, 4}, -2, 2);
    const Tensor y = samples::numbers({3, 4}, -2, 2, 2);
    return {.good = {{"same shape", {zero_or_not({3, 4}, 3), x, y}},
                     {"rows are chosen", {zero_or_not({3, 1}, 5), x, y}},
                     {"scalars", {zero_or_not({}, 1), x, samples::numbers({}, -2, 2)}},
                     {"empty",
                      {zero_or_not({0}, 1), samples::numbers({0}, -2, 2),
                       samples::numbers({0}, -2, 2)}},
                     {"unpacked", {zero_or_not({4, 3}, 3).transpose(), samples::scattered(x), y}}},
            .bad = {{"m", {zero_or_not({3}, 3), x, y}},
                    {"x", {zero_or_not({3, 4}, 3), samples::numbers({3}, -2, 2), y}},
                    {"y", {zero_or_not({3, 1}, 3), x, samples::numbers({3}, -2, 2)}}},
            .random =
                [](Draw& draw) {
                  const Shape shape = draw.shape(1, 4);
                  return Sample{
                      "random",
                      {zero_or_not(shape, draw.seed()), draw.numbers(shape), draw.numbers(shape)}};
                },
            .batched = {0, 1, 2}};
  }
};
const Registered<Where> registered_where;

}  // namespace

Var maximum(const Var& x, const Var& y) { return apply<Maximum>(x, y); }
Var minimum(const Var& x, const Var& y) { return compose<Minimum>(x, y); }
Var maximum(const Var& x, double y) { return maximum(x, constant(y, x.dtype())); }
Var minimum(const Var& x, double y) { return minimum(x, constant(y, x.dtype())); }
Var greater(const Var& x, const Var& y) {
  return constant(
      kernels::equal(kernels::preference(x.value(), y.value()), Tensor::scalar(1, x.dtype())));
}
Var equal(const Var& x, const Var& y) { return constant(kernels::equal(x.value(), y.value())); }
Var mask(const Var& x, const Var& m) { return apply<Mask>(x, m); }
Var where(const Var& m, const Var& x, const Var& y) { return compose<Where>(m, x, y); }
Var clamp(const Var& x, double low, double high) {
  if (!(low <= high))
    fail<ConfigError>("clamp: bounds must be in order: low {} · high {}", low, high);
  return apply<Clamp>({low, high}, x);
}

}  // namespace taskgrad
