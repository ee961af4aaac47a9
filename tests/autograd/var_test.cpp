#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/autograd/var.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace taskgrad {
namespace {

TEST_CASE("var: leaf, constant and result say what they are") {
  const Var x = leaf(Tensor::scalar(2, DType::f64));
  const Var c = constant(3, DType::f64);
  const Var y = x * c;
  CHECK(x.op() == "leaf");
  CHECK(c.op() == "constant");
  CHECK(y.op() == "mul");
  CHECK(x.tracked());
  CHECK_FALSE(c.tracked());
  CHECK(y.tracked());
  CHECK_FALSE((c * c).tracked());
  CHECK(y.item() == 6);
}

TEST_CASE("var: ids grow in the order of creation") {
  const Var x = leaf(Tensor::scalar(2, DType::f64));
  const Var y = square(x);
  CHECK(y.id() > x.id());
  CHECK(Var().id() == 0);
}

TEST_CASE("var: detach keeps the value and cuts the graph") {
  const Var x = leaf(Tensor::scalar(2, DType::f64));
  const Var y = square(x).detach();
  CHECK(y.item() == 4);
  CHECK_FALSE(y.tracked());
}

TEST_CASE("var: an empty handle is refused with a text") {
  const Var none;
  CHECK_FALSE(none.defined());
  CHECK_THROWS_WITH_AS(square(none), "Var: a defined handle is needed: this one is empty",
                       GraphError);
}

TEST_CASE("var: untracked results keep no inputs alive") {
  const std::int64_t before = live_nodes();
  Var y = constant(1, DType::f64);
  for (int i = 0; i < 100; ++i) y = y + 1.0;
  CHECK(live_nodes() == before + 1);
}

TEST_CASE("var: each thread builds a graph of its own") {
  double results[2] = {};
  const auto work = [&](int index) {
    const Var x = leaf(Tensor::full({64}, index + 1.0, DType::f64));
    for (int i = 0; i < 1000; ++i) results[index] = sum(square(x) * 0.5).item();
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  first.join();
  second.join();
  CHECK(results[0] == 32);
  CHECK(results[1] == 128);
}

TEST_CASE("var: leaves of one thread serve a graph that another builds later") {
  for (int i = 0; i < 100; ++i) static_cast<void>(leaf(Tensor::scalar(i, DType::f64)));
  const Var w = leaf(Tensor::scalar(3, DType::f64));
  double found = 0;
  std::thread([&] { found = grad(w * w * w, w).item(); }).join();
  CHECK(found == 27);
}

TEST_CASE("var: a graph of another thread is refused, in an op and in grad") {
  const Var w = leaf(Tensor::scalar(3, DType::f64));
  const Var y = w * w;
  std::vector<std::string> texts;
  std::thread([&] {
    for (const auto& use :
         {std::function<void()>([&] { exp(y); }), std::function<void()>([&] { grad(y, w); })}) {
      try {
        use();
      } catch (const GraphError& error) {
        texts.push_back(error.what());
      }
    }
  }).join();
  REQUIRE(texts.size() == 2);
  CHECK(texts[0] == texts[1]);
  CHECK(texts[0].starts_with("graph: one thread builds and uses a graph: 'mul' #"));
  CHECK(grad(y, w).item() == 6);
}

TEST_CASE("var: an empty tensor is refused") {
  CHECK_THROWS_WITH_AS(leaf(Tensor()), "leaf: a defined tensor is needed: this one is empty",
                       GraphError);
  CHECK_THROWS_WITH_AS(constant(Tensor()),
                       "constant: a defined tensor is needed: this one is empty", GraphError);
}

// Destroyed after main, when the lists of the thread are gone: must not crash.
Var outlives_main = leaf(Tensor::scalar(1, DType::f64));

TEST_CASE("var: a static one may outlive main") { CHECK(outlives_main.item() == 1); }

}  // namespace
}  // namespace taskgrad
