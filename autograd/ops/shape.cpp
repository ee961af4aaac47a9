#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>

#include <array>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

struct Reshape {
  static constexpr OpInfo info{
      .name = "reshape", .formula = "the same elements; reshape(dx)", .linear = true};
  struct Attrs {
    Shape shape;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return x.reshape(a.shape); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = reshape(g, c.input_shape(0));
  }
  static Samples samples() {
    const Tensor x = numbers({2, 6}, -2, 2);
    return {.good = {{"split", {x}, Attrs{{2, 3, 2}}},
                     {"flat", {x}, Attrs{{12}}},
                     {"scalar", {numbers({1, 1}, -2, 2)}, Attrs{{}}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{{3, 0, 2}}},
                     {"unpacked", {scattered(x)}, Attrs{{3, 4}}},
                     {"transposed", {x.transpose()}, Attrs{{3, 4}}}},
            .bad = {{"other size", {x}, Attrs{{5}}}}};
  }
};
const Registered<Reshape> registered_reshape;

struct Permute {
  static constexpr OpInfo info{
      .name = "permute", .formula = "axes in another order; permute back", .linear = true};
  struct Attrs {
    std::array<int, kMaxRank> order;
    int rank;
    std::span<const int> axes() const { return {order.data(), static_cast<std::size_t>(rank)}; }
  };
  static Tensor forward(const Attrs& a, const Tensor& x) { return x.permute(a.axes()); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Permute>();
    Attrs back = a;
    for (int axis = 0; axis < a.rank; ++axis) {
      const int from = a.order[static_cast<std::size_t>(axis)];
      back.order[static_cast<std::size_t>(from < 0 ? from + a.rank : from)] = axis;
    }
    out[0] = apply<Permute>(back, g);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"cycle", {x}, Attrs{{2, 0, 1}, 3}},
                     {"from the end", {x}, Attrs{{-1, 1, 0}, 3}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{{}, 0}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{{1, 0}, 2}},
                     {"unpacked", {scattered(x)}, Attrs{{1, 2, 0}, 3}}},
            .bad = {{"an axis twice", {x}, Attrs{{0, 0, 1}, 3}},
                    {"too few", {x}, Attrs{{0, 1}, 2}},
                    {"no such axis", {x}, Attrs{{0, 1, 3}, 3}}}};
  }
};
const Registered<Permute> registered_permute;

}  // namespace

Var reshape(const Var& x, const Shape& shape) { return apply<Reshape>({shape}, x); }

Var permute(const Var& x, std::span<const int> order) {
  Permute::Attrs attrs{{}, static_cast<int>(order.size())};
  if (order.size() > static_cast<std::size_t>(kMaxRank)) {
    fail<ShapeError>("permute: at most {} axes: {}", kMaxRank, order.size());
  }
  std::copy(order.begin(), order.end(), attrs.order.begin());
  return apply<Permute>(attrs, x);
}

Var transpose(const Var& x) {
  const int rank = x.value().rank();
  if (rank < 2) fail<ShapeError>("transpose: at least two axes: shape {}", x.shape());
  std::array<int, kMaxRank> order{};
  for (int axis = 0; axis < rank; ++axis) order[static_cast<std::size_t>(axis)] = axis;
  std::swap(order[static_cast<std::size_t>(rank - 1)], order[static_cast<std::size_t>(rank - 2)]);
  return permute(x, {order.data(), static_cast<std::size_t>(rank)});
}

}  // namespace taskgrad
