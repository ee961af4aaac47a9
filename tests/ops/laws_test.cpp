// What must hold for an op whatever its numbers are, on shapes that are drawn at random: no
// expected values, no differences. Each law tells the ledger how well it held.
#include <taskgrad/core/kernels.h>

#include <doctest/doctest.h>

#include "derivatives.h"
#include "ledger.h"
#include <rapidcheck.h>
#include <string>

namespace taskgrad {
namespace {

using test::Depth;
using test::largest_difference;
using test::leaves;
using test::Means;
using test::value_of;

constexpr double kBound = 1e-11;

class RandomDraw : public Draw {
 public:
  std::int64_t integer(std::int64_t low, std::int64_t high) override {
    // At full size from the start: small draws are all the same.
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high + 1));
  }
};

// Draws a sample of each op for `check(op, samples, sample, draw)`, as often as RapidCheck is told.
template <class Check>
bool holds(const char* law, const Check& check) {
  return rc::check(law, [&] {
    RandomDraw draw;
    for (const OpEntry& op : registered_ops()) {
      const Samples samples = op.samples();
      RC_ASSERT(static_cast<bool>(samples.random));
      const Sample sample = samples.random(draw);
      check(op, samples, sample, draw);
    }
  });
}

void require(const OpEntry& op, Depth depth, double error) {
  if (!(error <= kBound)) {
    RC_FAIL(std::string(op.info->name) + " breaks it by " + std::to_string(error));
  }
  test::note(op.info->name, depth, Means::laws, error);
}

std::vector<Tensor> gradients(const OpEntry& op, const Sample& sample,
                              const std::vector<Tensor>& inputs, const Tensor& cotangent) {
  const std::vector<Var> x = leaves(inputs);
  std::vector<Tensor> result;
  for (const Var& g : grad(op.call(sample.attrs, x), x,
                           {.unused = Unused::zeros, .cotangent = constant(cotangent)})) {
    result.push_back(g.value());
  }
  return result;
}

// a x + b y, list by list.
std::vector<Tensor> combined(double a, const std::vector<Tensor>& x, double b,
                             const std::vector<Tensor>& y) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.push_back(kernels::add(kernels::scale(x[i], a), kernels::scale(y[i], b)));
  }
  return result;
}

std::vector<Tensor> random_like(Draw& draw, const std::vector<Tensor>& like) {
  std::vector<Tensor> all;
  for (const Tensor& x : like) all.push_back(draw.numbers(x.shape()));
  return all;
}

double inner(const std::vector<Tensor>& x, const std::vector<Tensor>& y) {
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += kernels::dot(x[i], y[i]).item();
  return total;
}

Tensor permuted(const Tensor& x) {
  std::vector<int> order;
  for (int axis = x.rank(); axis-- > 0;) order.push_back(axis);
  return x.permute(order);
}

std::vector<Tensor> permuted(const std::vector<Tensor>& all) {
  std::vector<Tensor> result;
  for (const Tensor& x : all) result.push_back(permuted(x));
  return result;
}

TEST_CASE("laws: a gradient is linear in its cotangent") {
  CHECK(holds("g(a u + b v) = a g(u) + b g(v)", [](const OpEntry& op, const Samples&,
                                                   const Sample& sample, Draw& draw) {
    if (!op.differentiable) return;
    const Tensor y = value_of(op, sample, sample.inputs);
    const std::vector<Tensor> u{draw.numbers(y.shape())};
    const std::vector<Tensor> v{draw.numbers(y.shape())};
    const auto g = [&](const Tensor& w) { return gradients(op, sample, sample.inputs, w); };
    require(
        op, Depth::first,
        largest_difference(g(combined(0.7, u, -1.3, v)[0]), combined(0.7, g(u[0]), -1.3, g(v[0]))));
  }));
}

TEST_CASE("laws: a second derivative is symmetric, and linear in its cotangent") {
  CHECK(holds("<H p, q> = <H q, p>, H(a p + b q) = a H p + b H q",
              [](const OpEntry& op, const Samples&, const Sample& sample, Draw& draw) {
                if (!op.differentiable) return;
                const Tensor u = draw.numbers(value_of(op, sample, sample.inputs).shape());
                const std::vector<Tensor> p = random_like(draw, sample.inputs);
                const std::vector<Tensor> q = random_like(draw, sample.inputs);
                const auto h = [&](const std::vector<Tensor>& along) {
                  std::vector<Tensor> second = test::derivatives_of(op, sample, u, along).second;
                  second.pop_back();  // the part in the cotangent
                  return second;
                };
                const std::vector<Tensor> hp = h(p);
                const std::vector<Tensor> hq = h(q);
                require(op, Depth::second,
                        std::abs(inner(hp, q) - inner(hq, p)) / (1 + std::abs(inner(hp, q))));
                require(
                    op, Depth::second,
                    largest_difference(h(combined(0.7, p, -1.3, q)), combined(0.7, hp, -1.3, hq)));
              }));
}

TEST_CASE("laws: a linear op is linear, and its rule is its adjoint") {
  CHECK(holds("A(a x + b z) = a A x + b A z, <A x, y> = <x, A' y>",
              [](const OpEntry& op, const Samples&, const Sample& sample, Draw& draw) {
                for (int i = 0; i < op.info->linear; ++i) {
                  const auto k = static_cast<std::size_t>(i);
                  std::vector<Tensor> inputs = sample.inputs;
                  const Tensor x = inputs[k];
                  const Tensor z = draw.numbers(x.shape());
                  const auto at = [&](const Tensor& value) {
                    inputs[k] = value;
                    return value_of(op, sample, inputs);
                  };
                  const Tensor ax = at(x);
                  require(op, Depth::forward,
                          largest_difference({at(combined(0.7, {x}, -1.3, {z})[0])},
                                             combined(0.7, {ax}, -1.3, {at(z)})));
                  const Tensor y = draw.numbers(ax.shape());
                  const Tensor aty = gradients(op, sample, sample.inputs, y)[k];
                  require(op, Depth::first,
                          largest_difference(kernels::dot(ax, y), kernels::dot(x, aty)));
                }
              }));
}

TEST_CASE("laws: broadcasting is an explicit expand, in value and every derivative") {
  CHECK(holds("f(x, y) = f(expand x, expand y)", [](const OpEntry& op, const Samples& samples,
                                                    const Sample& sample, Draw& draw) {
    if (!samples.binary) return;
    const Tensor y = value_of(op, sample, sample.inputs);
    Sample wide = sample;
    for (Tensor& input : wide.inputs) input = input.expand(y.shape()).clone();
    require(op, Depth::forward, largest_difference(value_of(op, wide, wide.inputs), y));
    if (!op.differentiable) return;
    // Directions that repeat where an input does; what comes back is summed there.
    const Tensor u = draw.numbers(y.shape());
    const std::vector<Tensor> narrow_along = random_like(draw, sample.inputs);
    std::vector<Tensor> wide_along;
    for (const Tensor& along : narrow_along) wide_along.push_back(along.expand(y.shape()));
    const auto summed = [&](const Tensor& x, std::size_t i) {
      return i < sample.inputs.size() ? kernels::sum_to(x, sample.inputs[i].shape()) : x;
    };
    const test::Derivatives found = test::derivatives_of(op, sample, u, narrow_along);
    const test::Derivatives expected = test::derivatives_of(op, wide, u, wide_along);
    for (std::size_t i = 0; i < found.first.size(); ++i) {
      require(op, Depth::first, largest_difference(found.first[i], summed(expected.first[i], i)));
    }
    for (std::size_t i = 0; i < found.second.size(); ++i) {
      require(op, Depth::second,
              largest_difference(found.second[i], summed(expected.second[i], i)));
    }
  }));
}

TEST_CASE("laws: axes may be permuted before an elementwise op or after it") {
  CHECK(holds("f(permute x) = permute f(x)",
              [](const OpEntry& op, const Samples& samples, const Sample& sample, Draw& draw) {
                if (!samples.unary && !samples.binary) return;
                const Tensor y = value_of(op, sample, sample.inputs);
                Sample plain = sample;
                for (Tensor& input : plain.inputs) input = input.expand(y.shape()).clone();
                Sample turned = plain;
                turned.inputs = permuted(plain.inputs);
                require(op, Depth::forward,
                        largest_difference(value_of(op, turned, turned.inputs), permuted(y)));
                if (!op.differentiable) return;
                const Tensor u = draw.numbers(y.shape());
                require(op, Depth::first,
                        largest_difference(gradients(op, turned, turned.inputs, permuted(u)),
                                           permuted(gradients(op, plain, plain.inputs, u))));
              }));
}

TEST_CASE("laws: a batch may be split and its results joined") {
  CHECK(holds("f(concat(x, z)) = concat(f(x), f(z))", [](const OpEntry& op, const Samples& samples,
                                                         const Sample& sample, Draw& draw) {
    if (samples.batched.empty()) return;
    const std::int64_t rows =
        sample.inputs[static_cast<std::size_t>(samples.batched[0])].shape()[0];
    const std::int64_t cut = draw.integer(rows > 1 ? 1 : 0, rows > 1 ? rows - 1 : rows);
    std::vector<Tensor> head = sample.inputs;
    std::vector<Tensor> tail = sample.inputs;
    for (const int i : samples.batched) {
      const auto at = static_cast<std::size_t>(i);
      head[at] = head[at].slice(0, 0, cut);
      tail[at] = tail[at].slice(0, cut, rows);
    }
    const auto joined = [](const Tensor& a, const Tensor& b) {
      const Tensor parts[] = {a, b};
      return kernels::concat(parts, 0);
    };
    const Tensor y = value_of(op, sample, sample.inputs);
    require(op, Depth::forward,
            largest_difference(joined(value_of(op, sample, head), value_of(op, sample, tail)), y));
    if (!op.differentiable) return;
    const Tensor u = draw.numbers(y.shape());
    const auto whole = gradients(op, sample, sample.inputs, u);
    const auto first = gradients(op, sample, head, u.slice(0, 0, cut));
    const auto second = gradients(op, sample, tail, u.slice(0, cut, rows));
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const bool split = std::find(samples.batched.begin(), samples.batched.end(),
                                   static_cast<int>(i)) != samples.batched.end();
      const Tensor together =
          split ? joined(first[i], second[i]) : kernels::add(first[i], second[i]);
      require(op, Depth::first, largest_difference(together, whole[i]));
    }
  }));
}

}  // namespace
}  // namespace taskgrad
