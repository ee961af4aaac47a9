#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/graph_text.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

Var number(double value) { return leaf(Tensor::scalar(value, DType::f64)); }

// Ids ("#12") in the order of their appearance, starting at 1.
std::string renumbered(const std::string& text) {
  std::vector<std::string> seen;
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    result += text[i];
    if (text[i++] != '#') continue;
    const std::size_t end = std::min(text.find_first_not_of("0123456789", i), text.size());
    const std::string id = text.substr(i, end - i);
    if (std::find(seen.begin(), seen.end(), id) == seen.end()) seen.push_back(id);
    result += std::to_string(std::find(seen.begin(), seen.end(), id) - seen.begin() + 1);
    i = end;
  }
  return result;
}

TEST_CASE("print_graph: nodes in order of creation, derivatives marked by a d an order") {
  const Var w = number(3);
  const Var y = w * w;
  const Var g = grad(y, w, {.create_graph = true});
  std::ostringstream out;
  const Var outputs[] = {y, g};
  print_graph(out, outputs, {{"w", w}});
  CHECK(renumbered(out.str()) ==
        "#1 w = leaf []\n"
        "#2 = mul(w, w) []\n"
        "#3 = constant []\n"
        "d #4 = mul(#3, w) []\n"
        "d #5 = mul(#3, w) []\n"
        "d #6 = add(#4, #5) []\n");
}

TEST_CASE("print_graph: counts the nodes of a graph, shared ones once") {
  Var x = number(1);
  for (int i = 0; i < 60; ++i) x = x + x;
  std::ostringstream out;
  print_graph(out, {&x, 1});
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 61);
}

TEST_CASE("to_dot: ops are boxes, orders have shades, used forward values dashed edges") {
  const Var w = number(0.5);
  const Var y = exp(w);
  const Var g = grad(y, w, {.create_graph = true});
  std::ostringstream out;
  to_dot(out, {&g, 1}, {.names = {{"w", w}}, .values = true});
  CHECK(out.str() ==
        "digraph {\n"
        "  rankdir=BT; node [style=filled, fontname=Helvetica, fontsize=11];\n"
        "  n1 [label=\"w\\n[]\\n0.5\", shape=ellipse, fillcolor=white];\n"
        "  n2 [label=\"exp\\n[]\\n1.649\", shape=box, fillcolor=white];\n"
        "  n1 -> n2;\n"
        "  n3 [label=\"constant\\n[]\\n1\", shape=ellipse, fillcolor=white];\n"
        "  n4 [label=\"mul\\n[]\\n1.649\", shape=box, fillcolor=lightblue];\n"
        "  n3 -> n4;\n"
        "  n2 -> n4 [style=dashed];\n"
        "}\n");
  CHECK_THROWS_AS(to_dot(out, std::vector<Var>(1)), GraphError);
}

TEST_CASE("graph text: a deep graph needs no stack") {
  Var x = number(1);
  for (int i = 0; i < 200'000; ++i) x = -x;
  std::ostringstream out;
  print_graph(out, {&x, 1});
  CHECK(out.str().size() > 200'000);
}

}  // namespace
}  // namespace taskgrad
