#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace taskgrad {
namespace {

using samples::numbers;

// The largest element over axes, which keep extent 1, as what to shift by; 0 where it is not
// finite, since inf - inf would be NaN. It cancels in the value and in every derivative: a
// constant.
Var finite_largest(const Tensor& x, AxisSet axes) {
  const Tensor largest = kernels::max(x, axes, true);
  const Tensor finite =
      kernels::equal(kernels::sub(largest, largest), Tensor::zeros({}, x.dtype()));
  return constant(kernels::mask(largest, finite));
}

struct LogSumExp {
  static constexpr OpInfo info{.name = "logsumexp",
                               .formula = "log sum e^x over axes; <softmax(x), dx>"};
  struct Attrs {
    AxisSet axes;
    bool keep;
  };
  static Var compose(const Attrs& a, const Var& x) {
    kernels::check_not_empty("logsumexp", x.shape(), a.axes);
    Shape dropped;
    std::array<int, kMaxRank> list{};
    std::size_t count = 0;
    for (int axis = 0; axis < x.value().rank(); ++axis) {
      if (!((a.axes >> axis) & 1)) {
        dropped.append(x.shape()[axis]);
      } else {
        list[count++] = axis;
      }
    }
    const Var shift = finite_largest(x.value(), a.axes);
    const Var y = log(sum(exp(x - shift), std::span<const int>(list.data(), count), true)) + shift;
    return a.keep ? y : reshape(y, dropped);
  }
  static Samples samples() {
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {.good = {{"all", {x}, Attrs{kAllAxes, false}},
                     {"last", {x}, Attrs{0b100, false}},
                     {"two ends, kept", {x}, Attrs{0b101, true}},
                     {"no axis", {x}, Attrs{0, false}},
                     {"scalar", {numbers({}, -2, 2)}, Attrs{kAllAxes, false}},
                     {"large", {numbers({2, 3}, 999, 1001)}, Attrs{0b10, false}},
                     {"empty", {numbers({0, 3}, 0, 1)}, Attrs{0b10, false}},
                     {"unpacked", {samples::scattered(x)}, Attrs{0b010, false}}},
            .bad = {{"of nothing", {numbers({0, 3}, 0, 1)}, Attrs{0b01, false}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(0, 4);
              const auto axes = static_cast<AxisSet>(draw.integer(0, (1 << shape.rank()) - 1));
              return Sample{"random", {draw.numbers(shape)}, Attrs{axes, draw.coin()}};
            }};
  }
};
const Registered<LogSumExp> registered_logsumexp;

struct AlongAxis {
  int axis;
};

AxisSet checked(const char* where, AlongAxis along, const Shape& shape) {
  const int axes[] = {along.axis};
  const AxisSet set = axis_set(where, axes, shape.rank());
  kernels::check_not_empty(where, shape, set);
  return set;
}

Samples along_axis() {
  const Tensor x = numbers({2, 3, 4}, -2, 2);
  return {.good = {{"last", {x}, AlongAxis{-1}},
                   {"first", {x}, AlongAxis{0}},
                   {"middle", {x}, AlongAxis{1}},
                   {"large", {numbers({2, 3}, 999, 1001)}, AlongAxis{1}},
                   {"empty", {numbers({0, 3}, 0, 1)}, AlongAxis{1}},
                   {"unpacked", {samples::scattered(x)}, AlongAxis{1}}},
          .bad = {{"no such axis", {x}, AlongAxis{3}},
                  {"of nothing", {numbers({3, 0}, 0, 1)}, AlongAxis{1}}},
          .random =
              [](Draw& draw) {
                const Shape shape = draw.shape(2, 4);
                const auto axis = static_cast<int>(draw.integer(1, shape.rank() - 1));
                return Sample{"random", {draw.numbers(shape)}, AlongAxis{axis}};
              },
          .batched = {0}};
}

struct LogSoftmax {
  static constexpr OpInfo info{.name = "log_softmax",
                               .formula = "y = x - logsumexp(x) along an axis; dx - <e^y, dx>"};
  using Attrs = AlongAxis;
  static Var compose(const Attrs& a, const Var& x) {
    const int axes[] = {a.axis};
    const Var shifted =
        x - finite_largest(x.value(), axis_set("log_softmax", axes, x.value().rank()));
    return shifted - log(sum(exp(shifted), axes, true));
  }
  static Samples samples() { return along_axis(); }
};
const Registered<LogSoftmax> registered_log_softmax;

struct Softmax {
  static constexpr OpInfo info{.name = "softmax",
                               .formula = "y = e^x / sum e^x along an axis; y (dx - <y, dx>)"};
  using Attrs = AlongAxis;
  static Var compose(const Attrs& a, const Var& x) {
    checked("softmax", a, x.shape());
    return exp(LogSoftmax::compose(a, x));
  }
  static Samples samples() { return along_axis(); }
};
const Registered<Softmax> registered_softmax;

struct CrossEntropy {
  static constexpr OpInfo info{.name = "cross_entropy",
                               .formula = "-log_softmax(x)[label], an example; softmax(x) - 1"};
  struct Attrs {
    Labels labels;
  };
  static Var compose(const Attrs& a, const Var& logits) {
    const int rank = logits.value().rank();
    if (rank < 1 || rank != a.labels.shape().rank() + 1 ||
        !std::equal(a.labels.shape().begin(), a.labels.shape().end(), logits.shape().begin())) {
      fail<ShapeError>("cross_entropy: logits [..., classes], labels [...]: {} · {}",
                       logits.shape(), a.labels.shape());
    }
    const std::int64_t classes = logits.shape()[rank - 1];
    const int last[] = {rank - 1};
    const Var chosen = constant(kernels::one_hot(a.labels, classes, logits.dtype()));
    return -sum(mask(log_softmax(logits, rank - 1), chosen), last);
  }
  static Samples samples() {
    const Tensor x = numbers({3, 4}, -2, 2);
    const Labels labels{2, 0, 2};
    const std::int64_t grid[] = {1, 0, 2, 2, 1, 0};
    return {.good = {{"plain", {x}, Attrs{labels}},
                     {"large", {numbers({3, 4}, 999, 1001)}, Attrs{labels}},
                     {"one example", {numbers({4}, -2, 2)}, Attrs{Labels({}, std::span(grid, 1))}},
                     {"a grid", {numbers({2, 3, 3}, -2, 2)}, Attrs{Labels({2, 3}, grid)}},
                     {"no example", {numbers({0, 4}, 0, 1)}, Attrs{Labels()}},
                     {"unpacked", {samples::scattered(x)}, Attrs{labels}}},
            .bad = {{"labels are fewer", {x}, Attrs{Labels{0, 1}}},
                    {"a label is too large", {x}, Attrs{Labels{0, 4, 1}}},
                    {"a label is negative", {x}, Attrs{Labels{0, -1, 1}}}},
            .random = [](Draw& draw) {
              const Shape shape = draw.shape(2, 2);
              List<std::int64_t> drawn;
              for (std::int64_t i = 0; i < shape[0]; ++i) {
                drawn.push_back(draw.integer(0, shape[1] - 1));
              }
              return Sample{"random",
                            {draw.numbers(shape)},
                            Attrs{Labels(Shape{shape[0]}, std::move(drawn))}};
            }};
  }
};
const Registered<CrossEntropy> registered_cross_entropy;

}  // namespace

Var logsumexp(const Var& x) { return compose<LogSumExp>(LogSumExp::Attrs{kAllAxes, false}, x); }
Var logsumexp(const Var& x, std::span<const int> axes, bool keep) {
  return compose<LogSumExp>(LogSumExp::Attrs{axis_set("logsumexp", axes, x.value().rank()), keep},
                            x);
}
Var log_softmax(const Var& x, int axis) { return compose<LogSoftmax>(LogSoftmax::Attrs{axis}, x); }
Var softmax(const Var& x, int axis) { return compose<Softmax>(Softmax::Attrs{axis}, x); }
Var cross_entropy(const Var& logits, const Labels& labels) {
  return compose<CrossEntropy>(CrossEntropy::Attrs{labels}, logits);
}

}  // namespace taskgrad
