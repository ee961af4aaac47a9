// Every registered op, through every sample it brings: value, first and second derivative, other
// layouts, other precision, other thread counts, and what it must refuse. A new op gets all of this
// by existing.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/gradcheck.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/parallel.h>

#include <doctest/doctest.h>

#include "derivatives.h"
#include "ledger.h"
#include <cmath>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace taskgrad {
namespace {

using test::Depth;
using test::for_each_sample;
using test::largest_difference;
using test::leaves;
using test::Means;
using test::note;
using test::value_of;

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

TEST_CASE("op table: every op of this release is registered, once") {
  std::set<std::string> names;
  for (const OpEntry& op : registered_ops()) {
    CHECK_MESSAGE(names.insert(std::string(op.info->name)).second, op.info->name);
    CHECK_FALSE(op.info->formula.empty());
    CHECK_FALSE(op.samples().good.empty());
  }
  CHECK(names ==
        words("abs add add_scalar avg_pool2d batch_norm batch_norm_eval bce_with_logits clamp "
              "col2im concat conv2d conv2d_filters conv2d_image cos cross_entropy cumsum div "
              "div_or_zero dot dropout elu embedding erf exp expand expm1 gather gelu huber "
              "hypot im2col layer_norm leaky_relu linear linear_relu log log1p log_softmax "
              "logsumexp mask matmul matmul_to max max_pool2d maximum min minimum mul neg norm "
              "pad permute pow_scalar preference relu relu_grad reshape rsqrt scale "
              "scaled_difference scatter_add sigmoid sigmoid_grad sign sin slice softmax "
              "softplus sqrt square squared_error sub sum sum_to tanh tanh_grad where "));
}

TEST_CASE("op table: values equal the plain formula, element by element") {
  int compared = 0;
  for_each_sample([&](const OpEntry& op, const Samples& samples, const Sample& sample) {
    if (!samples.unary && !samples.binary) return;
    const Tensor found = value_of(op, sample, sample.inputs);
    std::vector<std::vector<double>> inputs;
    for (const Tensor& input : sample.inputs) {
      inputs.push_back(input.expand(found.shape()).values());
    }
    const std::vector<double> values = found.values();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double expected =
          samples.unary ? samples.unary(inputs[0][i]) : samples.binary(inputs[0][i], inputs[1][i]);
      const double error = std::abs(values[i] - expected) / (1 + std::abs(expected));
      CHECK(error <= 1e-14);
      note(op.info->name, Depth::forward, Means::formula, error);
      ++compared;
    }
  });
  CHECK(compared > 1000);
}

TEST_CASE("op table: first and second derivatives against differences") {
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    if (!op.differentiable) return;
    const GradCheckResult result = check_grad(
        op.info->name, [&](std::span<const Var> inputs) { return op.call(sample.attrs, inputs); },
        sample.inputs);
    CHECK_MESSAGE(result.ok, result.text);
    note(op.info->name, Depth::first, Means::formula, result.first_error);
    note(op.info->name, Depth::second, Means::formula, result.second_error);
  });
}

TEST_CASE("op table: an op without a derivative says so") {
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    if (op.differentiable) return;
    const std::vector<Var> inputs = leaves(sample.inputs);
    CHECK_THROWS_AS(grad(sum(op.call(sample.attrs, inputs)), inputs), GraphError);
  });
}

TEST_CASE("op table: a linear op satisfies <A x, y> = <x, A' y>") {
  int checked = 0;
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    if (!op.info->linear) return;
    const std::vector<Var> x = leaves(sample.inputs);
    const Var ax = op.call(sample.attrs, x);
    const Var y = constant(samples::numbers(ax.shape(), -1, 1, 11));
    const Var aty = grad(ax, x[0], {.cotangent = y});
    const double error = largest_difference(dot(ax, y).value(), dot(x[0], aty).value());
    CHECK(error <= 1e-13);
    note(op.info->name, Depth::first, Means::laws, error);
    ++checked;
  });
  CHECK(checked > 20);
}

TEST_CASE("op table: an unpacked input gives the bits of a packed one") {
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    std::vector<Tensor> packed;
    std::vector<Tensor> scattered;
    for (const Tensor& input : sample.inputs) {
      packed.push_back(input.contiguous());
      scattered.push_back(samples::scattered(input));
    }
    CHECK(equal_bits(value_of(op, sample, packed), value_of(op, sample, scattered)));
  });
}

TEST_CASE("op table: f32 is near f64, in value and gradient") {
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    std::vector<Tensor> narrow;
    for (const Tensor& input : sample.inputs) narrow.push_back(input.to(DType::f32));
    std::vector<Tensor> wide;
    for (const Tensor& input : narrow) wide.push_back(input.to(DType::f64));
    const Tensor value = value_of(op, sample, narrow);
    CHECK(value.dtype() == DType::f32);
    CHECK(largest_difference(value, value_of(op, sample, wide)) < 2e-5);
    if (!op.differentiable) return;
    const auto gradients = [&](const std::vector<Tensor>& inputs) {
      const std::vector<Var> vars = leaves(inputs);
      return grad(sum(op.call(sample.attrs, vars)), vars, {.unused = Unused::zeros});
    };
    const List<Var> low = gradients(narrow);
    const List<Var> high = gradients(wide);
    for (std::size_t i = 0; i < low.size(); ++i) {
      CHECK(low[i].dtype() == DType::f32);
      CHECK(largest_difference(low[i].value(), high[i].value()) < 5e-5);
    }
  });
}

TEST_CASE("op table: elementwise ops have the same bits on 1, 2, 3 and 8 threads, gradients too") {
  const int before = threads();
  for (const OpEntry& op : registered_ops()) {
    const Samples all = op.samples();
    if (!all.unary && !all.binary) continue;  // the kernels of the others: tests/core
    INFO(op.info->name);
    Sample large = all.good[0];
    for (Tensor& input : large.inputs) {  // several blocks, beyond the cost that wakes a thread
      const std::vector<double> values = input.values();
      std::vector<double> more(100'000);
      for (std::size_t i = 0; i < more.size(); ++i) more[i] = values[i % values.size()];
      input = Tensor::from({100'000}, more, DType::f64);
    }
    const auto run = [&](int count) {
      set_threads(count);
      const std::vector<Var> x = leaves(large.inputs);
      const Var y = op.call(large.attrs, x);
      std::vector<Tensor> found{y.value()};
      if (op.differentiable) {
        for (const Var& g : grad(sum(y * y), x, {.unused = Unused::zeros})) {
          found.push_back(g.value());
        }
      }
      return found;
    };
    const std::vector<Tensor> once = run(1);
    for (const int count : {1, 2, 3, 8}) {
      const std::vector<Tensor> again = run(count);
      for (std::size_t i = 0; i < once.size(); ++i) CHECK(equal_bits(once[i], again[i]));
    }
  }
  set_threads(before);
}

TEST_CASE("op table: what an op must refuse throws a ShapeError that names it") {
  int refused = 0;
  for (const OpEntry& op : registered_ops()) {
    const std::string name(op.info->name);
    for (const Sample& sample : op.samples().bad) {
      INFO(name, " / ", sample.label);
      try {
        static_cast<void>(op.call(sample.attrs, leaves(sample.inputs)));
        FAIL_CHECK("nothing was thrown");
      } catch (const ShapeError& error) {
        const std::string text = error.what();  // name: what must hold: what was given
        CHECK_MESSAGE((text.starts_with(name + ": ") || text.starts_with(name + " / ")), text);
        CHECK_MESSAGE(text.find(": ", name.size() + 2) != std::string::npos, text);
        ++refused;
      }
    }
  }
  CHECK(refused > 20);
}

TEST_CASE("op table: element types are never mixed") {
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    if (sample.inputs.size() < 2) return;
    std::vector<Tensor> mixed = sample.inputs;
    mixed[0] = mixed[0].to(DType::f32);
    try {
      value_of(op, sample, mixed);
      FAIL_CHECK("nothing was thrown");
    } catch (const DTypeError& error) {
      const std::string name(op.info->name);
      CHECK_MESSAGE(std::string(error.what()).starts_with(name), error.what());
    }
  });
}

}  // namespace
}  // namespace taskgrad
