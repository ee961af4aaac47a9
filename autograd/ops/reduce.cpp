#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <utility>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

// The shape with extents of 1 in the places of `axes`.
Shape kept_shape(const Shape& shape, AxisSet axes) {
  Shape kept = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((axes >> axis) & 1) kept.set(axis, 1);
  }
  return kept;
}

template <class Attrs>
Sample random_axes(Draw& draw) {
  const Shape shape = draw.shape(0, 4);
  const auto axes = static_cast<AxisSet>(draw.integer(0, (1 << shape.rank()) - 1));
  return {"random", {draw.numbers(shape)}, Attrs{axes, draw.coin()}};
}

// A shape and one that it broadcasts to.
std::pair<Shape, Shape> random_expansion(Draw& draw) {
  const Shape wide = draw.shape(0, 4);
  Shape narrow;
  for (int axis = static_cast<int>(draw.integer(0, wide.rank())); axis < wide.rank(); ++axis) {
    narrow.append(draw.coin() ? wide[axis] : 1);
  }
  return {narrow, wide};
}

struct SumTo {
  static constexpr OpInfo info{
      .name = "sum_to", .formula = "sums repeated axes; expand(dx)", .linear = 1};
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
            .bad = {{"extents differ", {x}, Attrs{{5}}}, {"more axes", {x}, Attrs{{1, 2, 3, 4}}}},
            .random = [](Draw& draw) {
              const auto [narrow, wide] = random_expansion(draw);
              return Sample{"random", {draw.numbers(wide)}, Attrs{narrow}};
            }};
  }
};
const Registered<SumTo> registered_sum_to;

struct Expand {
  static constexpr OpInfo info{
      .name = "expand", .formula = "repeats axes of extent 1; sum_to(dx)", .linear = 1};
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
                    {"fewer axes", {numbers({2, 3}, 0, 1)}, Attrs{{3}}}},
            .random = [](Draw& draw) {
              const auto [narrow, wide] = random_expansion(draw);
              return Sample{"random", {draw.numbers(narrow)}, Attrs{wide}};
            }};
  }
};
const Registered<Expand> registered_expand;

struct Sum {
  static constexpr OpInfo info{
      .name = "sum", .formula = "sum over axes; dx, the same all along them", .linear = 1};
  struct Attrs {
    AxisSet axes;
    bool keep;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::sum(x, a.axes, a.keep); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Shape& shape = c.input_shape(0);
    const Shape kept = kept_shape(shape, c.attrs<Sum>().axes);
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
                     {"long", {numbers({300}, -2, 2)}, Attrs{kAllAxes, false}}},
            .random = random_axes<Attrs>};
  }
};
const Registered<Sum> registered_sum;

// Two of one shape.
Samples pair_samples() {
  const Tensor x = numbers({3, 4}, -2, 2);
  const Tensor y = numbers({3, 4}, -2, 2, 2);
  return {.good = {{"matrices", {x, y}},
                   {"scalars", {numbers({}, -2, 2), numbers({}, -2, 2, 2)}},
                   {"empty", {numbers({0}, 0, 1), numbers({0}, 0, 1)}},
                   {"unpacked", {scattered(x), y}}},
          .bad = {{"shapes differ", {x, numbers({4}, 0, 1)}}},
          .random = [](Draw& draw) {
            const Shape shape = draw.shape(0, 4);
            return Sample{"random", {draw.numbers(shape), draw.numbers(shape)}};
          }};
}

struct Dot {
  static constexpr OpInfo info{.name = "dot", .formula = "sum x y; <y, dx> + <x, dy>", .linear = 2};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::dot(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = g * c.input(1);
    if (c.needs(1)) out[1] = g * c.input(0);
  }
  static Samples samples() { return pair_samples(); }
};
const Registered<Dot> registered_dot;

// s (x - y), s a scalar: the slope of a squared error in one pass.
struct ScaledDifference {
  static constexpr OpInfo info{.name = "scaled_difference",
                               .formula = "s (x - y); (x - y) ds + s (dx - dy)"};
  static Tensor forward(const Tensor& s, const Tensor& x, const Tensor& y) {
    return kernels::scaled_difference(s, x, y);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = dot(g, c.input(1) - c.input(2));
    if (c.needs(1)) out[1] = g * c.input(0);
    if (c.needs(2)) out[2] = g * -c.input(0);
  }
  static Samples samples() {
    const Tensor s = numbers({}, 1, 2);
    const Tensor x = numbers({3, 4}, -2, 2);
    const Tensor y = numbers({3, 4}, -2, 2, 2);
    return {.good = {{"matrices", {s, x, y}},
                     {"scalars", {s, numbers({}, -2, 2), numbers({}, -2, 2, 2)}},
                     {"empty", {s, numbers({0, 2}, 0, 1), numbers({0, 2}, 0, 1)}},
                     {"unpacked", {s, scattered(x), y}}},
            .bad = {{"shapes differ", {s, x, numbers({4}, 0, 1)}},
                    {"no scalar", {numbers({1}, 0, 1), x, y}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(0, 4);
              return Sample{"random", {draw.numbers({}), draw.numbers(shape), draw.numbers(shape)}};
            }};
  }
};
const Registered<ScaledDifference> registered_scaled_difference;

struct SquaredError {
  static constexpr OpInfo info{.name = "squared_error",
                               .formula = "sum (x - y)^2; 2 <x - y, dx - dy>"};
  static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::squared_error(x, y); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Var twice = g * 2.0;
    if (c.needs(0)) out[0] = apply<ScaledDifference>(twice, c.input(0), c.input(1));
    if (c.needs(1)) out[1] = apply<ScaledDifference>(twice, c.input(1), c.input(0));
  }
  static Samples samples() { return pair_samples(); }
};
const Registered<SquaredError> registered_squared_error;

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
                     {"unpacked", {scattered(numbers({2, 3}, -2, 2))}}},
            .random = [](Draw& draw) {
              return Sample{"random", {draw.numbers(draw.shape(0, 4), 0.5, 2)}};
            }};
  }
};
const Registered<Norm> registered_norm;

struct Max {
  static constexpr OpInfo info{.name = "max",
                               .formula = "the largest over axes; dx there, shared among ties"};
  struct Attrs {
    AxisSet axes;
    bool keep;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return kernels::max(x, a.axes, a.keep); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const AxisSet axes = c.attrs<Max>().axes;
    const Tensor x = c.input(0).value();  // which is largest is constant almost everywhere
    const Shape kept = kept_shape(x.shape(), axes);
    const Tensor largest = kernels::equal(x, c.output().value().reshape(kept));
    const Tensor share = kernels::div(largest, kernels::sum(largest, axes, true));
    out[0] = reshape(g, kept) * constant(share);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"all", {x}, Attrs{kAllAxes, false}},
                     {"first", {x}, Attrs{0b001, false}},
                     {"middle, kept", {x}, Attrs{0b010, true}},
                     {"two ends", {x}, Attrs{0b101, false}},
                     {"no axis", {x}, Attrs{0, false}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{kAllAxes, false}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{0b10, false}},
                     {"unpacked", {scattered(x)}, Attrs{0b011, false}}},
            .bad = {{"of nothing", {numbers({0, 3}, 0, 1)}, Attrs{0b01, false}}},
            .random = random_axes<Attrs>};
  }
};
const Registered<Max> registered_max;

struct Min {
  static constexpr OpInfo info{.name = "min",
                               .formula = "-max(-x) over axes; dx there, shared among ties"};
  using Attrs = Max::Attrs;
  static Var compose(const Attrs& a, const Var& x) { return -apply<Max>(a, -x); }
  static Samples samples() { return Max::samples(); }
};
const Registered<Min> registered_min;

struct CumSum {
  static constexpr OpInfo info{
      .name = "cumsum", .formula = "y_i = x_0 + ... + x_i; sums from the other end", .linear = 1};
  struct Attrs {
    int axis;
    bool reverse;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::cumsum(x, a.axis, a.reverse);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<CumSum>();
    out[0] = apply<CumSum>({a.axis, !a.reverse}, g);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"first", {x}, Attrs{0, false}},
                     {"middle", {x}, Attrs{1, false}},
                     {"last, from the end", {x}, Attrs{-1, true}},
                     {"one element", {numbers({1}, -2, 2)}, Attrs{0, false}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{0, false}},
                     {"unpacked", {scattered(x)}, Attrs{1, true}}},
            .bad = {{"no such axis", {x}, Attrs{3, false}},
                    {"a scalar", {numbers({}, 0, 1)}, Attrs{0, false}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(1, 4);
              const auto axis = static_cast<int>(draw.integer(0, shape.rank() - 1));
              return Sample{"random", {draw.numbers(shape)}, Attrs{axis, draw.coin()}};
            }};
  }
};
const Registered<CumSum> registered_cumsum;

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
  const AxisSet set = axis_set("mean", axes, x.value().rank());
  return apply<Sum>({set, keep}, x) / count_of(x.shape(), set);
}
Var sum_to(const Var& x, const Shape& shape) { return apply<SumTo>({shape}, x); }
Var expand(const Var& x, const Shape& shape) { return apply<Expand>({shape}, x); }
Var squared_error(const Var& x, const Var& y) { return apply<SquaredError>(x, y); }
Var dot(const Var& x, const Var& y) { return apply<Dot>(x, y); }
Var norm(const Var& x) { return apply<Norm>(x); }
Var max(const Var& x) { return apply<Max>({kAllAxes, false}, x); }
Var max(const Var& x, std::span<const int> axes, bool keep) {
  return apply<Max>({axis_set("max", axes, x.value().rank()), keep}, x);
}
Var min(const Var& x) { return compose<Min>(Min::Attrs{kAllAxes, false}, x); }
Var min(const Var& x, std::span<const int> axes, bool keep) {
  return compose<Min>(Min::Attrs{axis_set("min", axes, x.value().rank()), keep}, x);
}
Var cumsum(const Var& x, int axis) { return apply<CumSum>({axis, false}, x); }

}  // namespace taskgrad
