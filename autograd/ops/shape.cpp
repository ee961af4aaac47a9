#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>

#include <algorithm>
#include <array>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

struct Reshape {
  static constexpr OpInfo info{
      .name = "reshape", .formula = "the same elements; reshape(dx)", .linear = 1};
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
            .bad = {{"other size", {x}, Attrs{{5}}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(0, 4);
              return Sample{"random", {draw.numbers(shape)}, Attrs{{1, shape.size()}}};
            }};
  }
};
const Registered<Reshape> registered_reshape;

struct Permute {
  static constexpr OpInfo info{
      .name = "permute", .formula = "axes in another order; permute back", .linear = 1};
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
                     {"from the end", {x}, Attrs{{-1, 0, 1}, 3}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{{}, 0}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{{1, 0}, 2}},
                     {"unpacked", {scattered(x)}, Attrs{{1, 2, 0}, 3}}},
            .bad = {{"an axis twice", {x}, Attrs{{0, 0, 1}, 3}},
                    {"too few", {x}, Attrs{{0, 1}, 2}},
                    {"no such axis", {x}, Attrs{{0, 1, 3}, 3}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(1, 4);
              Attrs attrs{{}, shape.rank()};
              const auto turn = static_cast<int>(draw.integer(0, shape.rank() - 1));
              for (int axis = 0; axis < shape.rank(); ++axis) {
                attrs.order[static_cast<std::size_t>(axis)] = (axis + turn) % shape.rank();
              }
              return Sample{"random", {draw.numbers(shape)}, attrs};
            }};
  }
};
const Registered<Permute> registered_permute;

struct Slice {
  static constexpr OpInfo info{
      .name = "slice", .formula = "[start, stop) of an axis; pad(dx)", .linear = 1};
  struct Attrs {
    int axis;
    std::int64_t start, stop;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return x.slice(a.axis, a.start, a.stop);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Slice>();
    out[0] = pad(g, a.axis, a.start, c.input_shape(0)[a.axis] - a.stop);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"first axis", {x}, Attrs{0, 1, 2}},
                     {"middle axis", {x}, Attrs{1, 0, 2}},
                     {"last axis", {x}, Attrs{2, 1, 4}},
                     {"all", {x}, Attrs{1, 0, 3}},
                     {"none", {x}, Attrs{1, 2, 2}},
                     {"unpacked", {scattered(x)}, Attrs{2, 1, 3}}},
            .bad = {{"past the end", {x}, Attrs{1, 0, 4}},
                    {"backwards", {x}, Attrs{1, 2, 1}},
                    {"no such axis", {x}, Attrs{3, 0, 1}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(1, 4);
              const auto axis = static_cast<int>(draw.integer(0, shape.rank() - 1));
              const std::int64_t start = draw.integer(0, shape[axis] - 1);
              const std::int64_t stop = draw.integer(start + 1, shape[axis]);
              return Sample{"random", {draw.numbers(shape)}, Attrs{axis, start, stop}};
            }};
  }
};
const Registered<Slice> registered_slice;

struct Pad {
  static constexpr OpInfo info{
      .name = "pad", .formula = "zeros around an axis; slice(dx)", .linear = 1};
  struct Attrs {
    int axis;
    std::int64_t before, after;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::pad(x, a.axis, a.before, a.after);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Pad>();
    const int axis = a.axis < 0 ? a.axis + c.input_shape(0).rank() : a.axis;
    out[0] = slice(g, axis, a.before, a.before + c.input_shape(0)[axis]);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3}, -2, 2);
    return {
        .good = {{"before", {x}, Attrs{0, 2, 0}},
                 {"after, from the end", {x}, Attrs{-1, 0, 1}},
                 {"both", {x}, Attrs{1, 1, 2}},
                 {"nothing", {x}, Attrs{0, 0, 0}},
                 {"empty", {numbers({0, 3}, 0, 1)}, Attrs{0, 1, 1}},
                 {"unpacked", {scattered(x)}, Attrs{0, 1, 1}}},
        .bad = {{"less than nothing", {x}, Attrs{0, -1, 0}}, {"no such axis", {x}, Attrs{2, 1, 1}}},
        .random = [](Draw& draw) {
          const Shape shape = draw.shape(1, 4);
          const auto axis = static_cast<int>(draw.integer(0, shape.rank() - 1));
          return Sample{
              "random", {draw.numbers(shape)}, Attrs{axis, draw.integer(0, 2), draw.integer(0, 2)}};
        }};
  }
};
const Registered<Pad> registered_pad;

struct Concat {
  static constexpr OpInfo info{.name = "concat",
                               .formula = "parts one after the other; each takes its slice"};
  struct Attrs {
    int axis;
  };
  static Tensor forward(const Attrs& a, std::span<const Tensor> parts) {
    return kernels::concat(parts, a.axis);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const int rank = c.input_shape(0).rank();
    const int axis = c.attrs<Concat>().axis + (c.attrs<Concat>().axis < 0 ? rank : 0);
    std::int64_t start = 0;
    for (int i = 0; i < c.inputs(); ++i) {
      const std::int64_t stop = start + c.input_shape(i)[axis];
      if (c.needs(i)) out[i] = slice(g, axis, start, stop);
      start = stop;
    }
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3}, -2, 2);
    const Tensor y = numbers({1, 3}, -2, 2, 2);
    return {.good = {{"rows", {x, y}, Attrs{0}},
                     {"columns, from the end", {x, numbers({2, 2}, -2, 2, 3)}, Attrs{-1}},
                     {"three", {y, x, y}, Attrs{0}},
                     {"one", {x}, Attrs{0}},
                     {"an empty part", {x, numbers({0, 3}, 0, 1)}, Attrs{0}},
                     {"unpacked", {scattered(x), y}, Attrs{0}}},
            .bad = {{"other axes differ", {x, numbers({2, 2}, 0, 1)}, Attrs{0}},
                    {"ranks differ", {x, numbers({3}, 0, 1)}, Attrs{0}},
                    {"no part", {}, Attrs{0}},
                    {"no such axis", {x, x}, Attrs{2}}},
            .random = [](Draw& draw) {
              Shape shape = draw.shape(1, 4);
              const auto axis = static_cast<int>(draw.integer(0, shape.rank() - 1));
              Sample sample{"random", {}, Attrs{axis}};
              for (std::int64_t parts = draw.integer(1, 4); parts > 0; --parts) {
                shape.set(axis, draw.integer(1, 3));
                sample.inputs.push_back(draw.numbers(shape));
              }
              return sample;
            }};
  }
};
const Registered<Concat> registered_concat;

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

Var slice(const Var& x, int axis, std::int64_t start, std::int64_t stop) {
  const int rank = x.value().rank();
  return apply<Slice>({axis < 0 ? axis + rank : axis, start, stop}, x);
}

Var pad(const Var& x, int axis, std::int64_t before, std::int64_t after) {
  return apply<Pad>({axis, before, after}, x);
}

// A node has a bounded number of inputs: longer lists are joined in groups, and the groups again.
Var concat(std::span<const Var> parts, int axis) {
  if (parts.size() <= kMostInputs) return apply_list<Concat>({axis}, parts);
  List<Var> groups;
  for (std::size_t first = 0; first < parts.size(); first += kMostInputs) {
    const std::size_t count = std::min(kMostInputs, parts.size() - first);
    groups.push_back(apply_list<Concat>({axis}, parts.subspan(first, count)));
  }
  return concat(groups, axis);
}

Var stack(std::span<const Var> parts, int axis) {
  if (parts.empty()) fail<ShapeError>("stack: at least one part: none was given");
  List<Var> widened;
  for (const Var& part : parts) {
    kernels::check_dtypes("stack", parts[0].value(), part.value());
    const Shape& shape = part.shape();
    const int at = axis < 0 ? axis + shape.rank() + 1 : axis;
    if (at < 0 || at > shape.rank() || !(shape == parts[0].shape())) {
      fail<ShapeError>("stack: parts of one shape, axis in [{}, {}]: {} · {} · axis {}",
                       -shape.rank() - 1, shape.rank(), parts[0].shape(), shape, axis);
    }
    Shape wide;
    for (int from = 0; from <= shape.rank(); ++from) {
      if (from == at) wide.append(1);
      if (from < shape.rank()) wide.append(shape[from]);
    }
    widened.push_back(reshape(part, wide));
  }
  return concat(widened, axis);
}

Var concat(std::initializer_list<Var> parts, int axis) {
  return concat(std::span<const Var>(parts.begin(), parts.size()), axis);
}
Var stack(std::initializer_list<Var> parts, int axis) {
  return stack(std::span<const Var>(parts.begin(), parts.size()), axis);
}

}  // namespace taskgrad
