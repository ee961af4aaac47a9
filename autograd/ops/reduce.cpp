#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <cmath>
#include <vector>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

struct SumTo {
  static constexpr OpInfo info{
      .name = "sum_to", .formula = "sums repeated axes; expand(dx)", .linear = true};
  struct Attrs {
    Shape shape;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::sum_to(x, a.shape); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = expand(g, c.input_shape(0));
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"to a row", {x}, Attrs{{4}}},
                     {"to a column", {x}, Attrs{{3, 1}}},
                     {"to two ends", {x}, Attrs{{2, 1, 4}}},
                     {"to a scalar", {x}, Attrs{{}}},
                     {"to itself", {x}, Attrs{{2, 3, 4}}},
                     {"from an empty one", {numbers({0, 3}, 0, 1)}, Attrs{{3}}},
                     {"from an unpacked one", {scattered(x)}, Attrs{{2, 1, 1}}}},
            .bad = {{"extents differ", {x}, Attrs{{5}}}, {"more axes", {x}, Attrs{{1, 2, 3, 4}}}}};
  }
};
const Registered<SumTo> registered_sum_to;

struct Expand {
  static constexpr OpInfo info{
      .name = "expand", .formula = "repeats axes of extent 1; sum_to(dx)", .linear = true};
  struct Attrs {
    Shape shape;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return x.expand(a.shape); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = sum_to(g, c.input_shape(0));
  }
  static Samples samples() {
    return {.good = {{"row", {numbers({4}, -2, 2)}, Attrs{{2, 3, 4}}},
                     {"column", {numbers({3, 1}, -2, 2)}, Attrs{{3, 4}}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{{2, 3}}},
                     {"to empty", {numbers({1, 3}, -2, 2)}, Attrs{{0, 3}}},
                     {"unpacked", {scattered(numbers({2, 1, 3}, -2, 2))}, Attrs{{2, 4, 3}}}},
            .bad = {{"extents differ", {numbers({2}, 0, 1)}, Attrs{{3}}},
                    {"fewer axes", {numbers({2, 3}, 0, 1)}, Attrs{{3}}}}};
  }
};
const Registered<Expand> registered_expand;

struct Sum {
  static constexpr OpInfo info{
      .name = "sum", .formula = "sum over axes; dx, the same all along them", .linear = true};
  struct Attrs {
    AxisSet axes;
    bool keep;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::sum(x, a.axes, a.keep); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Sum>();
    const Shape& shape = c.input_shape(0);
    Shape kept = shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if ((a.axes >> axis) & 1) kept.set(axis, 1);
    }
    out[0] = expand(g.shape() == kept ? g : reshape(g, kept), shape);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"all", {x}, Attrs{kAllAxes, false}},
                     {"all, kept", {x}, Attrs{kAllAxes, true}},
                     {"first", {x}, Attrs{0b001, false}},
                     {"middle", {x}, Attrs{0b010, false}},
                     {"last, kept", {x}, Attrs{0b100, true}},
                     {"two ends", {x}, Attrs{0b101, false}},
                     {"no axis", {x}, Attrs{0, false}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{kAllAxes, false}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{0b01, false}},
                     {"unpacked", {scattered(x)}, Attrs{0b011, false}},
                     {"long", {numbers({300}, -2, 2)}, Attrs{kAllAxes, false}}}};
  }
};
const Registered<Sum> registered_sum;

struct Dot {
  static constexpr OpInfo info{.name = "dot", .formula = "sum x y; <y, dx> + <x, dy>"};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::dot(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g * c.input(1);
    if (c.needs(1)) out[1] = g * c.input(0);
  }
  static Samples samples() {
    const Tensor x = numbers({3, 4}, -2, 2);
    const Tensor y = numbers({3, 4}, -2, 2, 2);
    return {.good = {{"matrices", {x, y}},
                     {"scalars", {numbers({}, -2, 2), numbers({}, -2, 2, 2)}},
                     {"empty", {numbers({0}, 0, 1), numbers({0}, 0, 1)}},
                     {"unpacked", {scattered(x), y}}},
            .bad = {{"shapes differ", {x, numbers({4}, 0, 1)}}}};
  }
};
const Registered<Dot> registered_dot;

struct Norm {
  static constexpr OpInfo info{.name = "norm", .formula = "n = |x|; <x, dx> / n, 0 at n = 0"};
  static Tensor forward(const Tensor& x) { return kernels::norm(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = div_or_zero(g, c.output()) * c.input(0);
  }
  static Samples samples() {
    return {.good = {{"matrix", {numbers({3, 4}, -2, 2)}},
                     {"scalar", {numbers({}, 1, 2)}},
                     {"empty", {numbers({0, 2}, 0, 1)}},
                     {"unpacked", {scattered(numbers({2, 3}, -2, 2))}}}};
  }
};
const Registered<Norm> registered_norm;

double count_of(const Shape& shape, AxisSet axes) {
  double count = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((axes >> axis) & 1) count *= static_cast<double>(shape[axis]);
  }
  return count;
}

}  // namespace

Var sum(const Var& x) { return apply<Sum>({kAllAxes, false}, x); }
Var sum(const Var& x, std::span<const int> axes, bool keep) {
  return apply<Sum>({axis_set("sum", axes, x.value().rank()), keep}, x);
}
Var mean(const Var& x) { return sum(x) / count_of(x.shape(), kAllAxes); }
Var mean(const Var& x, std::span<const int> axes, bool keep) {
  return sum(x, axes, keep) / count_of(x.shape(), axis_set("mean", axes, x.value().rank()));
}
Var sum_to(const Var& x, const Shape& shape) { return apply<SumTo>({shape}, x); }
Var expand(const Var& x, const Shape& shape) { return apply<Expand>({shape}, x); }
Var dot(const Var& x, const Var& y) { return apply<Dot>(x, y); }
Var norm(const Var& x) { return apply<Norm>(x); }

}  // namespace taskgrad
