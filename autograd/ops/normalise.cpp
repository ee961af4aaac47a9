#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <array>
#include <span>
#include <vector>

namespace taskgrad {
namespace {

using samples::numbers;
using samples::scattered;

struct Epsilon {
  double epsilon;
};

void check_epsilon(double epsilon) {
  if (!(epsilon > 0)) fail<ConfigError>("normalise: epsilon must be positive: {}", epsilon);
}

struct Standardised {
  Var y, mean, variance;  // the mean and the biased variance keep the axes, with extent 1
};

// (x - mean) / sqrt(variance + epsilon) over the given axes.
Standardised standardise(const Var& x, std::span<const int> axes, double epsilon) {
  check_epsilon(epsilon);
  const Var center = mean(x, axes, true);
  const Var from_center = x - center;
  const Var variance = mean(square(from_center), axes, true);
  return {from_center * rsqrt(variance + epsilon), center, variance};
}

struct LayerNorm {
  static constexpr OpInfo info{
      .name = "layer_norm",
      .formula = "u w + b, u = (x - m) / sqrt(v + e) over the axes of w; du w + u dw + db"};
  using Attrs = Epsilon;
  static Var compose(const Attrs& a, const Var& x, const Var& weight, const Var& bias) {
    const int rank = x.value().rank();
    const int count = weight.value().rank();
    bool fits = count >= 1 && count <= rank && weight.shape() == bias.shape();
    for (int axis = 0; fits && axis < count; ++axis) {
      const std::int64_t extent = weight.shape()[axis];
      fits = extent > 0 && extent == x.shape()[rank - count + axis];
    }
    if (!fits) {
      fail<ShapeError>(
          "layer_norm: weight and bias have the last axes of x, which are not empty: {} · {} · {}",
          x.shape(), weight.shape(), bias.shape());
    }
    kernels::check_dtypes("layer_norm", x.value(), weight.value());
    kernels::check_dtypes("layer_norm", x.value(), bias.value());
    std::array<int, kMaxRank> axes{};
    for (int i = 0; i < count; ++i) axes[static_cast<std::size_t>(i)] = rank - count + i;
    const std::span<const int> last(axes.data(), static_cast<std::size_t>(count));
    return standardise(x, last, a.epsilon).y * weight + bias;
  }
  static Samples samples() {
    const Tensor w = numbers({4}, 0.5, 2, 2);
    const Tensor b = numbers({4}, -1, 1, 3);
    const Tensor x = numbers({2, 3, 4}, -2, 2);
    return {
        .good = {{"last axis", {x, w, b}, Attrs{1e-5}},
                 {"two axes", {x, numbers({3, 4}, 0.5, 2), numbers({3, 4}, -1, 1)}, Attrs{1e-5}},
                 {"a vector", {numbers({4}, -2, 2), w, b}, Attrs{0.5}},
                 {"no example", {numbers({0, 4}, 0, 1), w, b}, Attrs{1e-5}},
                 {"unpacked", {scattered(x), scattered(w), b}, Attrs{1e-5}}},
        .bad = {{"features", {x, numbers({3}, 0, 1), numbers({3}, 0, 1)}, Attrs{1e-5}},
                {"bias", {x, w, numbers({3}, 0, 1)}, Attrs{1e-5}},
                {"too few axes", {numbers({}, 0, 1), w, b}, Attrs{1e-5}}},
        .random =
            [](Draw& draw) {
              const Shape shape{draw.integer(1, 4), draw.integer(2, 5)};
              const Shape row{shape[1]};
              return Sample{"random",
                            {draw.numbers(shape), draw.numbers(row), draw.numbers(row)},
                            Attrs{0.1}};
            },
        .batched = {0}};
  }
};
const Registered<LayerNorm> registered_layer_norm;

// Every axis of x but the second, its channels.
std::vector<int> all_but_channels(const char* where, const Shape& x) {
  if (x.rank() < 2) fail<ShapeError>("{}: x [n, channels, ...]: shape {}", where, x);
  std::vector<int> axes{0};
  for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

// One number a channel, in a shape that broadcasts to x.
Var a_channel(const char* where, const Var& x, const Var& value) {
  if (!(value.shape() == Shape{x.shape()[1]})) {
    fail<ShapeError>("{}: one number a channel: x {} · {}", where, x.shape(), value.shape());
  }
  kernels::check_dtypes(where, x.value(), value.value());
  Shape shape{x.shape()[1]};
  for (int axis = 2; axis < x.shape().rank(); ++axis) shape.append(1);
  return reshape(value, shape);
}

Samples batch_norm_samples(int parameters) {
  const auto inputs = [parameters](const Tensor& x, unsigned seed) {
    std::vector<Tensor> all{x};
    for (int i = 0; i < parameters; ++i) {  // the last is a variance
      all.push_back(numbers({x.shape()[1]}, 0.5, 2, seed + static_cast<unsigned>(i)));
    }
    return all;
  };
  std::vector<Tensor> unpacked = inputs(scattered(numbers({3, 2, 2}, -2, 2)), 5);
  unpacked[1] = scattered(unpacked[1]);
  std::vector<Tensor> wrong = inputs(numbers({3, 2}, 0, 1), 1);
  wrong[1] = numbers({3}, 0, 1);
  std::vector<Tensor> flat = inputs(numbers({3, 2}, 0, 1), 1);
  flat[0] = numbers({3}, 0, 1);
  return {.good = {{"vectors", inputs(numbers({4, 3}, -2, 2), 2), Epsilon{1e-5}},
                   {"images", inputs(numbers({2, 3, 2, 2}, -2, 2), 3), Epsilon{1e-5}},
                   {"a large epsilon", inputs(numbers({2, 2}, -2, 2), 4), Epsilon{0.5}},
                   {"unpacked", unpacked, Epsilon{1e-5}}},
          .bad = {{"channels", wrong, Epsilon{1e-5}}, {"no channels", flat, Epsilon{1e-5}}},
          .random = [inputs](Draw& draw) {
            Shape shape{draw.integer(2, 4), draw.integer(1, 3)};
            if (draw.coin()) shape.append(draw.integer(1, 3));
            const auto seed = static_cast<unsigned>(draw.integer(0, 1000));
            return Sample{"random", inputs(draw.numbers(shape), seed), Epsilon{0.1}};
          }};
}

struct BatchNorm {
  static constexpr OpInfo info{
      .name = "batch_norm",
      .formula = "u w + b, u = (x - m) / sqrt(v + e) a channel, m and v of this batch"};
  using Attrs = Epsilon;
  static BatchNormed run(const Attrs& a, const Var& x, const Var& weight, const Var& bias) {
    const std::vector<int> axes = all_but_channels("batch_norm", x.shape());
    const Var w = a_channel("batch_norm", x, weight);
    const Var b = a_channel("batch_norm", x, bias);
    const std::int64_t channels = x.shape()[1];
    const std::int64_t count = channels == 0 ? 0 : x.shape().size() / channels;
    if (count < 2) {
      fail<ShapeError>("batch_norm: at least two values a channel, to have a variance: {}",
                       x.shape());
    }
    const auto [u, center, variance] = standardise(x, axes, a.epsilon);
    const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
    return {u * w + b, center.value().reshape({channels}),
            kernels::scale(variance.value(), unbiased).reshape({channels})};
  }
  static Var compose(const Attrs& a, const Var& x, const Var& weight, const Var& bias) {
    return run(a, x, weight, bias).y;
  }
  static Samples samples() {
    Samples all = batch_norm_samples(2);
    all.bad.push_back({"one value",
                       {numbers({1, 2}, 0, 1), numbers({2}, 0, 1), numbers({2}, 0, 1)},
                       Epsilon{1e-5}});
    return all;
  }
};
const Registered<BatchNorm> registered_batch_norm;

struct BatchNormEval {
  static constexpr OpInfo info{.name = "batch_norm_eval",
                               .formula = "(x - m) / sqrt(v + e) w + b a channel, m and v given"};
  using Attrs = Epsilon;
  static Var compose(const Attrs& a, const Var& x, const Var& weight, const Var& bias,
                     const Var& center, const Var& variance) {
    all_but_channels("batch_norm_eval", x.shape());
    check_epsilon(a.epsilon);
    const auto channel = [&](const Var& value) { return a_channel("batch_norm_eval", x, value); };
    const Var scale = channel(weight) * rsqrt(channel(variance) + a.epsilon);
    return (x - channel(center)) * scale + channel(bias);
  }
  static Samples samples() {
    Samples all = batch_norm_samples(4);
    all.batched = {0};
    return all;
  }
};
const Registered<BatchNormEval> registered_batch_norm_eval;

}  // namespace

Var layer_norm(const Var& x, const Var& weight, const Var& bias, double epsilon) {
  return compose<LayerNorm>(LayerNorm::Attrs{epsilon}, x, weight, bias);
}
BatchNormed batch_norm(const Var& x, const Var& weight, const Var& bias, double epsilon) {
  const NameScope scope(BatchNorm::info.name);
  return BatchNorm::run({epsilon}, x, weight, bias);
}
Var batch_norm_eval(const Var& x, const Var& weight, const Var& bias, const Var& mean,
                    const Var& variance, double epsilon) {
  return compose<BatchNormEval>(BatchNormEval::Attrs{epsilon}, x, weight, bias, mean, variance);
}

}  // namespace taskgrad
