#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <utility>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

Labels random_labels(Draw& draw, std::int64_t extent) {
  const Shape shape = draw.shape(0, 2);
  List<std::int64_t> values;
  for (std::int64_t i = 0; i < shape.size(); ++i) values.push_back(draw.integer(0, extent - 1));
  return Labels(shape, std::move(values));
}

struct ScatterAdd {
  static constexpr OpInfo info{
      .name = "scatter_add", .formula = "adds slices where labels say; gather(dx)", .linear = 1};
  struct Attrs {
    Labels labels;
    int axis;
    std::int64_t extent;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::scatter_add(x, a.labels, a.axis, a.extent);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<ScatterAdd>();
    out[0] = gather(g, a.labels, a.axis);
  }
  static Samples samples() {
    const Labels labels{2, 0, 2};
    const std::int64_t grid[] = {1, 0, 2, 2, 1, 0};
    return {
        .good = {{"rows", {numbers({3, 2}, -2, 2)}, Attrs{labels, 0, 4}},
                 {"columns", {numbers({2, 3}, -2, 2)}, Attrs{labels, 1, 3}},
                 {"from the end", {numbers({2, 3}, -2, 2)}, Attrs{labels, -1, 3}},
                 {"a grid", {numbers({2, 3, 2}, -2, 2)}, Attrs{Labels({2, 3}, grid), 0, 3}},
                 {"one label", {numbers({2}, -2, 2)}, Attrs{Labels({}, std::span(grid, 1)), 0, 2}},
                 {"no label", {numbers({0, 2}, 0, 1)}, Attrs{Labels(), 0, 3}},
                 {"unpacked", {scattered(numbers({3, 2}, -2, 2))}, Attrs{labels, 0, 3}}},
        .bad = {{"a label is too large", {numbers({3, 2}, 0, 1)}, Attrs{labels, 0, 2}},
                {"labels are fewer", {numbers({4, 2}, 0, 1)}, Attrs{labels, 0, 3}},
                {"labels have more axes", {numbers({2}, 0, 1)}, Attrs{Labels({2, 3}, grid), 0, 3}},
                {"a negative extent", {numbers({0, 2}, 0, 1)}, Attrs{Labels(), 0, -1}},
                {"no such axis", {numbers({3}, 0, 1)}, Attrs{labels, 1, 3}}},
        .random = [](Draw& draw) {
          const Shape around = draw.shape(1, 3);
          const auto axis = static_cast<int>(draw.integer(0, around.rank() - 1));
          const Labels drawn = random_labels(draw, around[axis]);
          const Tensor x = kernels::gather(Tensor::zeros(around, DType::f64), drawn, axis);
          return Sample{"random", {draw.numbers(x.shape())}, Attrs{drawn, axis, around[axis]}};
        }};
  }
};
const Registered<ScatterAdd> registered_scatter_add;

struct Gather {
  static constexpr OpInfo info{
      .name = "gather", .formula = "the slices that labels name; scatter_add(dx)", .linear = 1};
  struct Attrs {
    Labels labels;
    int axis;
  };
  static Tensor forward(const Attrs& a, const Tensor& x) {
    return kernels::gather(x, a.labels, a.axis);
  }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    const Attrs& a = c.attrs<Gather>();
    const int axis = a.axis < 0 ? a.axis + c.input_shape(0).rank() : a.axis;
    out[0] = scatter_add(g, a.labels, axis, c.input_shape(0)[axis]);
  }
  static Samples samples() {
    const Tensor x = numbers({3, 4}, -2, 2);
    const Labels labels{2, 0, 2, 1};
    const std::int64_t grid[] = {1, 0, 2, 2, 1, 0};
    return {.good = {{"rows", {x}, Attrs{labels, 0}},
                     {"columns", {x}, Attrs{labels, 1}},
                     {"from the end", {x}, Attrs{labels, -1}},
                     {"a grid of rows", {x}, Attrs{Labels({2, 3}, grid), 0}},
                     {"one label", {x}, Attrs{Labels({}, std::span(grid, 1)), 0}},
                     {"no label", {x}, Attrs{Labels(), 0}},
                     {"unpacked", {scattered(x)}, Attrs{labels, 1}}},
            .bad = {{"a label is too large", {x}, Attrs{Labels{0, 3}, 0}},
                    {"a label is negative", {x}, Attrs{Labels{-1}, 0}},
                    {"no such axis", {x}, Attrs{labels, 2}},
                    {"a scalar", {numbers({}, 0, 1)}, Attrs{labels, 0}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(1, 3);
              const auto axis = static_cast<int>(draw.integer(0, shape.rank() - 1));
              return Sample{
                  "random", {draw.numbers(shape)}, Attrs{random_labels(draw, shape[axis]), axis}};
            }};
  }
};
const Registered<Gather> registered_gather;

struct Embedding {
  static constexpr OpInfo info{
      .name = "embedding", .formula = "rows of a table by label; dT, added up a row", .linear = 1};
  struct Attrs {
    Labels labels;
  };
  static Var compose(const Attrs& a, const Var& table) {
    if (table.value().rank() != 2) {
      fail<ShapeError>("embedding: a table [labels, features]: shape {}", table.shape());
    }
    return gather(table, a.labels, 0);
  }
  static Samples samples() {
    const Tensor table = numbers({5, 3}, -2, 2);
    const std::int64_t grid[] = {1, 0, 4, 4, 1, 0};
    return {.good = {{"a sentence", {table}, Attrs{Labels{4, 0, 4}}},
                     {"a batch of them", {table}, Attrs{Labels({2, 3}, grid)}},
                     {"no word", {table}, Attrs{Labels()}},
                     {"unpacked", {scattered(table)}, Attrs{Labels{1, 1}}}},
            .bad = {{"not a table", {numbers({5}, 0, 1)}, Attrs{Labels{1}}},
                    {"a label is too large", {table}, Attrs{Labels{5}}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(2, 2);
              return Sample{"random", {draw.numbers(shape)}, Attrs{random_labels(draw, shape[0])}};
            }};
  }
};
const Registered<Embedding> registered_embedding;

}  // namespace

Var gather(const Var& x, const Labels& labels, int axis) {
  return apply<Gather>({labels, axis}, x);
}
Var scatter_add(const Var& x, const Labels& labels, int axis, std::int64_t extent) {
  return apply<ScatterAdd>({labels, axis, extent}, x);
}
Var embedding(const Var& table, const Labels& labels) {
  return compose<Embedding>(Embedding::Attrs{labels}, table);
}
Tensor one_hot(const Labels& labels, std::int64_t classes, DType dtype) {
  return kernels::one_hot(labels, classes, dtype);
}
Labels argmax(const Var& x, int axis) { return kernels::argmax(x.value(), axis); }

}  // namespace taskgrad
