#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

struct Matmul {
  static constexpr OpInfo info{.name = "matmul",
                               .formula = "A B, a stack against a stack; dA B + A dB",
                               .broadcasts = true,
                               .linear = 2};
  static Tensor forward(const Tensor& a, const Tensor& b) { return kernels::matmul(a, b); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = matmul(g, transpose(c.input(1)));
    if (c.needs(1)) out[1] = matmul(transpose(c.input(0)), g);
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

struct Linear {
  static constexpr OpInfo info{.name = "linear", .formula = "x W' + b; dx W' + x dW' + db"};
  static Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return kernels::linear(x, weight, bias);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    if (c.needs(0)) out[0] = matmul(g, c.input(1));
    if (c.needs(1)) out[1] = matmul(transpose(g), c.input(0));
    if (c.needs(2)) out[2] = sum_to(g, c.input_shape(2));
  }
  static Samples samples() {
    const Tensor x = numbers({5, 3}, -2, 2);
    const Tensor w = numbers({4, 3}, -2, 2, 2);
    const Tensor b = numbers({4}, -2, 2, 3);
    return {
        .good = {{"plain", {x, w, b}},
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
};
const Registered<Linear> registered_linear;

}  // namespace

Var matmul(const Var& a, const Var& b) { return apply<Matmul>(a, b); }
Var linear(const Var& x, const Var& weight, const Var& bias) {
  return apply<Linear>(x, weight, bias);
}

}  // namespace taskgrad
