#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

// What a matrix gets that a stack repeats is summed while it is made.
struct MatmulTo {
  static constexpr OpInfo info{
      .name = "matmul_to", .formula = "A B, summed over repeated axes; dA B + A dB", .linear = 2};
  struct Attrs {
    Shape shape;
  };
  static Tensor forward(const Attrs& attrs, const Tensor& a, const Tensor& b) {
    return kernels::matmul_to(a, b, attrs.shape);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Var each = expand(g, product_shape(c.input_shape(0), c.input_shape(1)));
    if (c.needs(0)) out[0] = apply<MatmulTo>({c.input_shape(0)}, each, transpose(c.input(1)));
    if (c.needs(1)) out[1] = apply<MatmulTo>({c.input_shape(1)}, transpose(c.input(0)), each);
  }
  static Shape product_shape(const Shape& a, const Shape& b) {
    const auto leading = [](const Shape& shape) {
      return Shape(std::span(shape.begin(), static_cast<std::size_t>(shape.rank() - 2)));
    };
    Shape shape = broadcast_shape("matmul_to", leading(a), leading(b));
    shape.append(a[a.rank() - 2]);
    shape.append(b[b.rank() - 1]);
    return shape;
  }
  static Samples samples() {
    const Tensor a = numbers({2, 3, 3, 4}, -2, 2);
    const Tensor b = numbers({2, 3, 4, 2}, -2, 2, 2);
    return {.good = {{"all", {a, b}, Attrs{{3, 2}}},
                     {"the first axis", {a, b}, Attrs{{3, 3, 2}}},
                     {"the second", {a, b}, Attrs{{2, 1, 3, 2}}},
                     {"none", {a, b}, Attrs{{2, 3, 3, 2}}},
                     {"one repeats", {a, numbers({4, 2}, -2, 2)}, Attrs{{3, 2}}},
                     {"unpacked", {scattered(a), scattered(b)}, Attrs{{3, 3, 2}}}},
            .bad = {{"rows differ", {a, b}, Attrs{{4, 2}}},
                    {"not a matrix", {a, b}, Attrs{{2}}},
                    {"extents differ", {a, b}, Attrs{{2, 3, 2}}}},
            .random = [](Draw& draw) {
              const auto extent = [&] { return draw.integer(1, 4); };
              const Shape stack{extent(), extent()};
              const std::int64_t rows = extent();
              const std::int64_t inner = extent();
              const std::int64_t columns = extent();
              return Sample{
                  "random",
                  {draw.numbers({stack[0], draw.coin() ? stack[1] : 1, rows, inner}),
                   draw.numbers({stack[0], stack[1], inner, columns})},
                  Attrs{{draw.coin() ? stack[0] : 1, draw.coin() ? stack[1] : 1, rows, columns}}};
            }};
  }
};
const Registered<MatmulTo> registered_matmul_to;

struct Matmul {
  static constexpr OpInfo info{
      .name = "matmul", .formula = "A B, a stack against a stack; dA B + A dB", .linear = 2};
  static Tensor forward(const Tensor& a, const Tensor& b) { return kernels::matmul(a, b); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = product_like(c.input(0), g, transpose(c.input(1)));
    if (c.needs(1)) out[1] = product_like(c.input(1), transpose(c.input(0)), g);
  }
  // a b, summed to the shape of x where it is larger, and in memory as x is: what a transposed view
  // gets is packed once its rule has turned it back. Beside a matrix x both are stacks or neither.
  static Var product_like(const Var& x, const Var& a, const Var& b) {
    const int rank = x.shape().rank();
    if (rank > 2 || a.shape().rank() > rank) return apply<MatmulTo>({x.shape()}, a, b);
    const bool turned = !x.value().is_contiguous() && x.value().transpose().is_contiguous();
    return turned ? transpose(matmul(transpose(b), transpose(a))) : matmul(a, b);
  }
  static Samples samples() {
    const Tensor a = numbers({3, 4}, -2, 2);
    const Tensor b = numbers({4, 2}, -2, 2, 2);
    return {.good = {{"plain", {a, b}},
                     {"transposed left", {numbers({4, 3}, -2, 2).transpose(), b}},
                     {"transposed right", {a, numbers({2, 4}, -2, 2).transpose()}},
                     {"unpacked", {scattered(a), scattered(b)}},
                     {"sliced", {numbers({3, 6}, -2, 2).slice(1, 1, 5), b}},
                     {"one by one", {numbers({1, 1}, -2, 2), numbers({1, 1}, -2, 2)}},
                     {"no rows", {numbers({0, 4}, 0, 1), b}},
                     {"nothing to sum", {numbers({3, 0}, 0, 1), numbers({0, 2}, 0, 1)}},
                     {"stacks", {numbers({2, 3, 4}, -2, 2), numbers({2, 4, 2}, -2, 2, 2)}},
                     {"a stack and a matrix", {numbers({2, 3, 4}, -2, 2), b}},
                     {"a matrix and a stack", {a, numbers({2, 4, 2}, -2, 2, 2)}},
                     {"stacks that repeat",
                      {numbers({2, 1, 2, 3}, -2, 2), numbers({2, 3, 2}, -2, 2, 2)}},
                     {"a stack transposed",
                      {numbers({2, 4, 3}, -2, 2).transpose(), scattered(numbers({2, 4, 2}, 1, 2))}},
                     {"no matrix", {numbers({0, 3, 4}, 0, 1), b}}},
            .bad = {{"inner extents differ", {a, numbers({3, 2}, 0, 1)}},
                    {"not a matrix", {a, numbers({4}, 0, 1)}},
                    {"stacks differ", {numbers({2, 3, 4}, 0, 1), numbers({3, 4, 2}, 0, 1)}}},
            .random = [](Draw& draw) {
              const auto extent = [&] { return draw.integer(1, 5); };
              const std::int64_t inner = extent();
              Shape left;
              Shape right;
              for (std::int64_t axes = draw.integer(0, 2); axes > 0; --axes) {
                const std::int64_t stack = extent();
                left.append(draw.coin() ? stack : 1);
                right.append(draw.coin() ? stack : 1);
              }
              left.append(extent());
              left.append(inner);
              right.append(inner);
              right.append(extent());
              return Sample{"random", {draw.numbers(left), draw.numbers(right)}};
            }};
  }
};
const Registered<Matmul> registered_matmul;

// The cotangents of x W' + b.
void pass_affine(const Ctx& c, const Var& g, Cotangents& out) {
  if (c.needs(0)) out[0] = matmul(g, c.input(1));
  if (c.needs(1)) out[1] = matmul(transpose(g), c.input(0));
  if (c.needs(2)) out[2] = sum_to(g, c.input_shape(2));
}

// x, weight and bias of an affine map.
Samples affine_samples() {
  const Tensor x = numbers({5, 3}, -2, 2);
  const Tensor w = numbers({4, 3}, -2, 2, 2);
  const Tensor b = numbers({4}, 0.1, 2, 3);
  return {.good = {{"plain", {x, w, b}},
                   {"one example", {numbers({1, 3}, -2, 2), w, b}},
                   {"no example", {numbers({0, 3}, 0, 1), w, b}},
                   {"no feature", {numbers({2, 0}, 0, 1), numbers({4, 0}, 0, 1), b}},
                   {"unpacked", {scattered(x), numbers({3, 4}, -2, 2).transpose(), scattered(b)}}},
          .bad = {{"features", {numbers({5, 2}, 0, 1), w, b}},
                  {"bias", {x, w, numbers({3}, 0, 1)}},
                  {"not a matrix", {numbers({3}, 0, 1), w, b}}},
          .random =
              [](Draw& draw) {
                const std::int64_t in = draw.integer(1, 5);
                const std::int64_t out = draw.integer(1, 5);
                return Sample{"random",
                              {draw.numbers({draw.integer(1, 6), in}), draw.numbers({out, in}),
                               draw.numbers({out})}};
              },
          .batched = {0}};
}

struct Linear {
  static constexpr OpInfo info{.name = "linear", .formula = "x W' + b; dx W' + x dW' + db"};
  static Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return kernels::linear(x, weight, bias);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) { pass_affine(c, g, out); }
  static Samples samples() { return affine_samples(); }
};
const Registered<Linear> registered_linear;

// One pass over the result, and nothing of what went into the relu is kept.
struct LinearRelu {
  static constexpr OpInfo info{.name = "linear_relu",
                               .formula = "y = max(x W' + b, 0); [y > 0] (dx W' + x dW' + db)"};
  static Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return kernels::linear_relu(x, weight, bias);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    pass_affine(c, relu_grad(g, c.output()), out);
  }
  static Samples samples() { return affine_samples(); }
};
const Registered<LinearRelu> registered_linear_relu;

// The op is one of matrices: axes before the last of x become one, and come back in the result.
template <class Op>
Var apply_to_rows(const Var& x, const Var& weight, const Var& bias) {
  const int last = x.shape().rank() - 1;
  const bool fits = weight.shape().rank() == 2 && last >= 0 && x.shape()[last] == weight.shape()[1];
  if (last == 1 || !fits) return apply<Op>(x, weight, bias);
  Shape shape = x.shape();
  std::int64_t rows = 1;
  for (int axis = 0; axis < last; ++axis) rows *= shape[axis];
  const Var y = apply<Op>(reshape(x, {rows, shape[last]}), weight, bias);
  shape.set(last, weight.shape()[0]);
  return reshape(y, shape);
}

}  // namespace

Var matmul(const Var& a, const Var& b) { return apply<Matmul>(a, b); }
Var linear(const Var& x, const Var& weight, const Var& bias) {
  return apply_to_rows<Linear>(x, weight, bias);
}
Var linear_relu(const Var& x, const Var& weight, const Var& bias) {
  return apply_to_rows<LinearRelu>(x, weight, bias);
}

}  // namespace taskgrad
