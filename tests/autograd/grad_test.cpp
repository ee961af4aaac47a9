#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

Var number(double value) { return leaf(Tensor::scalar(value, DType::f64)); }

Var vector(std::initializer_list<double> values) {
  return leaf(Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64));
}

std::string message_of(const auto& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_CASE("grad: a value used several times gets the sum of its contributions") {
  const Var x = number(3);
  CHECK(grad(x * x + x, x).item() == 7);
  CHECK(grad(x * x * x * x, x).item() == 4 * 27);
}

TEST_CASE("grad: broadcasting is undone") {
  const Var row = vector({1, 2, 3});
  const Var column = leaf(Tensor::from({2, 1}, {10, 20}, DType::f64));
  const List<Var> g = grad(sum(row * column), {row, column});
  CHECK(g[0].value().values() == std::vector<double>{30, 30, 30});
  CHECK(g[1].value().values() == std::vector<double>{6, 6});
  CHECK(g[1].shape() == Shape{2, 1});
}

TEST_CASE("grad: derivatives of every order of x^5") {
  const Var x = number(2);
  Var y = square(square(x)) * x;
  const double expected[] = {80, 160, 240, 240, 120, 0};
  for (const double value : expected) {
    y = grad(y, x, {.create_graph = true, .unused = Unused::zeros});
    CHECK(y.item() == doctest::Approx(value));
  }
}

TEST_CASE("grad: nested calls do not mix their cotangents (perturbation confusion)") {
  // d/dx ( x * d/dy (x + y) ) = 1, not 2.
  const Var x = number(1);
  const Var y = number(1);
  const Var inner = grad(x + y, y, {.create_graph = true});
  CHECK(grad(x * inner, x).item() == 1);
}

TEST_CASE("grad: Hessian-vector product of a quadratic form") {
  const Tensor a = Tensor::from({2, 2}, {4, 1, 1, 3}, DType::f64);
  const Var x = leaf(Tensor::from({2, 1}, {0.3, -0.7}, DType::f64));
  const Var y = sum(x * matmul(constant(a), x)) * 0.5;
  const Var v = constant(Tensor::from({2, 1}, {1, 2}, DType::f64));
  const Var first = grad(y, x, {.create_graph = true});
  CHECK(grad(dot(first, v), x).value().values() == std::vector<double>{6, 7});
}

TEST_CASE("grad: the gradient of a gradient norm in the weights of a layer") {
  const Var w = leaf(Tensor::from({2, 2}, {0.5, -0.2, 0.1, 0.4}, DType::f64));
  const Var x = constant(Tensor::from({3, 2}, {1, 2, -1, 0.5, 0.3, -2}, DType::f64));
  const auto gradient_norm = [&](const Var& at) {
    return norm(grad(sum(tanh(matmul(x, at))), at, {.create_graph = true}));
  };
  const Var found = grad(gradient_norm(w), w);
  for (int i = 0; i < 4; ++i) {
    const auto at = [&](double shift) {
      std::vector<double> values = w.value().values();
      values[static_cast<std::size_t>(i)] += shift;
      return gradient_norm(leaf(Tensor::from({2, 2}, values, DType::f64))).item();
    };
    const double expected = (at(1e-5) - at(-1e-5)) / 2e-5;
    CHECK(found.value().values()[static_cast<std::size_t>(i)] ==
          doctest::Approx(expected).epsilon(1e-8));
  }
}

TEST_CASE("grad: an intermediate value may be asked for") {
  const Var x = number(2);
  const Var h = square(x);
  const List<Var> g = grad(square(h), {h, x});
  CHECK(g[0].item() == 8);
  CHECK(g[1].item() == 32);
}

TEST_CASE("grad: the same input twice gets its gradient twice") {
  const Var x = number(2);
  const List<Var> g = grad(square(x), {x, x});
  CHECK(g[0].item() == 4);
  CHECK(g[1].item() == 4);
}

TEST_CASE("grad: the output itself as the input") {
  const Var x = number(2);
  CHECK(grad(x, x).item() == 1);
}

TEST_CASE("grad: a cotangent stands for a weighted sum") {
  const Var x = vector({1, 2});
  const Var u = constant(Tensor::from({2}, {10, 100}, DType::f64));
  CHECK(grad(square(x), x, {.cotangent = u}).value().values() == std::vector<double>{20, 400});
}

TEST_CASE("grad: what is not asked for is not visited") {
  const Var x = number(2);
  const Var y = number(3);
  Var deep = x;
  for (int i = 0; i < 100; ++i) deep = deep * 1.01;
  const Var total = deep + square(y);
  const std::uint64_t before = number(0).id();
  static_cast<void>(grad(total, y));
  CHECK(number(0).id() - before < 10);  // nodes made: only those of the short branch
}

TEST_CASE("grad: zero for an unused input on request only") {
  const Var x = number(2);
  const Var y = number(3);
  CHECK(grad(square(x), y, {.unused = Unused::zeros}).item() == 0);
  CHECK(message_of([&] { grad(square(x), y); }) ==
        "grad: every input must be reached from the output: input 0 [] is not, from that of "
        "'square' [pass {.unused = Unused::zeros} if intended]");
}

TEST_CASE("grad: mistakes are named before anything is computed") {
  const Var x = vector({1, 2});
  CHECK(message_of([&] { grad(x, x); }) ==
        "grad: the output must have one element: shape [2] [or pass a cotangent]");
  CHECK(message_of([&] { grad(sum(x), constant(1, DType::f64)); }) ==
        "grad: input 0 must be a leaf or depend on one: it is a constant [use leaf()]");
  CHECK(message_of([&] { grad(x, x, {.cotangent = constant(1, DType::f64)}); }) ==
        "grad: the cotangent must be like the output: f64 [] for f64 [2]");
  CHECK(message_of([&] { grad(constant(1, DType::f64), number(1)); }) ==
        "grad: every input must be reached from the output: input 0 [] is not, from that of "
        "'constant' [pass {.unused = Unused::zeros} if intended]");
  CHECK(grad(sum(x), x).value().values() == std::vector<double>{1, 1});  // marks were restored
}

// Ops of a user's own: one without a derivative, one whose rule forgets the shape of its input.
struct Sign {
  static constexpr OpInfo info{.name = "sign", .formula = "-1, 0 or 1"};
  static Tensor forward(const Tensor& x) { return kernels::sign(x); }
  static constexpr NotDifferentiable vjp{};
  static Samples samples() { return {}; }
};
struct Forgetful {
  static constexpr OpInfo info{.name = "forgetful", .formula = "x; sum dx"};
  static Tensor forward(const Tensor& x) { return kernels::scale(x, 1); }
  static void vjp(const Ctx&, const Var& g, Cotangents& out) { out[0] = sum(g); }
  static Samples samples() { return {}; }
};

TEST_CASE("grad: an op that gives no gradient, or one of another shape, is named") {
  const Var x = vector({1, 2});
  CHECK(message_of([&] { grad(sum(apply<Sign>(x)), x); }) ==
        "grad: every op on the way to an input must be differentiable: 'sign' is not [detach() its "
        "inputs]");
  CHECK(message_of([&] { grad(sum(apply<Forgetful>(x)), x); }) ==
        "grad: the rule of 'forgetful' must give a cotangent like its input f64 [2]: f64 []");
  CHECK(grad(sum(x), x).value().values() == std::vector<double>{1, 1});  // marks were restored
  CHECK(grad(sum(x * apply<Sign>(x.detach())), x).value().values() == std::vector<double>{1, 1});
}

TEST_CASE("grad: without recording nothing is tracked") {
  const Var x = number(2);
  {
    const NoGrad no_grad;
    CHECK_FALSE(square(x).tracked());
  }
  CHECK(square(x).tracked());
  CHECK_FALSE(grad(square(x), x).tracked());
  CHECK(grad(square(x), x, {.create_graph = true}).tracked());
}

// A rule that asks for a gradient, and one that forgets the type.
struct Nested {
  static constexpr OpInfo info{.name = "nested", .formula = "x^2"};
  static Tensor forward(const Tensor& x) { return kernels::square(x); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = grad(square(c.input(0)), c.input(0), {.cotangent = g});
  }
};
struct Narrowed {
  static constexpr OpInfo info{.name = "narrowed", .formula = "x"};
  static Tensor forward(const Tensor& x) { return x; }
  static void vjp(const Ctx&, const Var& g, Cotangents& out) {
    out[0] = constant(g.value().to(DType::f32));
  }
};

TEST_CASE("grad: a rule that calls it, or gives another type, is refused") {
  const Var x = number(3);
  CHECK(message_of([&] { grad(apply<Nested>(x), x, {.create_graph = true}); }) ==
        "grad: a rule or an observer must not call it while it runs [write rules in ops]");
  CHECK(message_of([&] { grad(apply<Narrowed>(x), x); }) ==
        "grad: the rule of 'narrowed' must give a cotangent like its input f64 []: f32 []");
  CHECK(grad(square(x), x).item() == 6);
}

TEST_CASE("grad: without create_graph the result is no part of a graph, whatever the cotangent") {
  const Var x = vector({1, 2});
  const Var u = vector({3, 4});
  CHECK_FALSE(grad(x + 1.0, x, {.cotangent = u}).tracked());
  CHECK(grad(x + 1.0, x, {.create_graph = true, .cotangent = u}).tracked());
}

TEST_CASE("grad: a chain of a million nodes, differentiated twice and destroyed") {
  const std::int64_t before = live_nodes();
  {
    const Var x = number(1);
    Var y = x;
    for (int i = 0; i < 1'000'000; ++i) y = i % 2 == 0 ? y * 1.000001 : -(-y);
    const Var first = grad(square(y), x, {.create_graph = true});
    const double growth = std::pow(1.000001, 500'000);
    CHECK(first.item() == doctest::Approx(2 * growth * growth));
    CHECK(grad(first, x).item() == doctest::Approx(2 * growth * growth));
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("grad: a ladder of 60 diamonds has 2^60 paths and is passed once") {
  const Var x = number(1);
  Var y = x;
  for (int i = 0; i < 60; ++i) y = y * 0.5 + y * 0.5;
  CHECK(grad(y, x).item() == 1);
}

TEST_CASE("grad: a graph that is given up is freed while it is passed") {
  const auto peak = [](bool give_up) {
    const Var x = leaf(Tensor::full({10'000}, 1.0, DType::f64));
    Var y = x;
    for (int i = 0; i < 50; ++i) y = tanh(y);
    Var loss = sum(y);
    y = Var();
    memory::reset_peak();
    const std::int64_t start = memory::stats().bytes_in_use;
    const Var g = give_up ? grad(std::move(loss), x) : grad(loss, x);
    return std::pair(memory::stats().peak_bytes - start, memory::stats().bytes_in_use - start);
  };
  const auto [kept_peak, kept_end] = peak(false);
  const auto [freed_peak, freed_end] = peak(true);
  CHECK(kept_end > 0);
  CHECK(freed_end < -48 * 80'000);  // all but the gradient
  CHECK(freed_peak <= kept_peak);
}

TEST_CASE("grad: 10,000 second-order steps keep nothing") {
  const Var w = leaf(Tensor::full({4, 4}, 0.1, DType::f32));
  const Var x = constant(Tensor::full({2, 4}, 0.5, DType::f32));
  const auto step = [&] {
    const Var g = grad(mean(square(tanh(matmul(x, w)))), w, {.create_graph = true});
    return grad(norm(g), w);
  };
  static_cast<void>(step());
  const std::int64_t nodes = live_nodes();
  const memory::Stats before = memory::stats();
  for (int i = 0; i < 10'000; ++i) static_cast<void>(step());
  CHECK(live_nodes() == nodes);
  CHECK(memory::stats().bytes_in_use == before.bytes_in_use);
  CHECK(memory::stats().peak_bytes == before.peak_bytes);
}

}  // namespace
}  // namespace taskgrad
