// What observers are told, and what Trace, Profile and NumericCheck make of it.
#include <taskgrad/autograd/derivatives.h>
#include <taskgrad/autograd/numeric_check.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/autograd/profile.h>
#include <taskgrad/autograd/trace.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/scope.h>
#include <taskgrad/nn/layers.h>

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

Var vector(std::initializer_list<double> values) {
  return leaf(Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64));
}

// "op0 tanh, vjp1 tanh, op1 tanh_grad": kind, order, name.
class Log : public Observer {
 public:
  void after_op(const OpEvent& e) override { add("op", e.order, e.info.name); }
  void before_vjp(const VjpEvent& e) override { add("vjp", e.order, e.info.name); }
  std::vector<std::string> lines;

 private:
  void add(const std::string& kind, int order, std::string_view name) {
    lines.push_back(kind + std::to_string(order) + " " + std::string(name));
  }
};

// Ids differ from test to test: "#12" becomes "#".
std::string without_ids(const std::string& text) {
  std::string result;
  bool in_id = false;
  for (const char c : text) {
    in_id = in_id && c >= '0' && c <= '9';
    if (!in_id) result += c;
    in_id = in_id || c == '#';
  }
  return result;
}

TEST_CASE("observer: told of each op and rule with its order of derivative") {
  const Var x = vector({0.5});
  Log log;
  const Var first = grad(sum(tanh(x)), x, {.create_graph = true});
  static_cast<void>(grad(norm(first), x));
  const std::vector<std::string> expected{"op0 tanh",   "op0 sum",   "vjp1 sum",      "op1 reshape",
                                          "op1 expand", "vjp1 tanh", "op1 tanh_grad", "op1 norm"};
  CHECK(std::vector(log.lines.begin(), log.lines.begin() + 8) == expected);
  CHECK(log.lines[8] == "vjp2 norm");
  CHECK(log.lines.back().starts_with("op2 "));
}

TEST_CASE("observer: what it sees changes no bit, and it ends with its scope, in any order") {
  const Var x = vector({0.5, -0.3});
  const auto run = [&] { return grad(sum(x * tanh(x) + x * x), x).value(); };
  const Tensor plain = run();
  auto first = std::make_unique<Log>();
  auto second = std::make_unique<Log>();
  CHECK(equal_bits(run(), plain));
  CHECK(first->lines == second->lines);
  first.reset();
  const std::size_t before = second->lines.size();
  static_cast<void>(run());
  CHECK(second->lines.size() > before);
  second.reset();
  static_cast<void>(run());  // nobody is told
}

// Computes in its callbacks, and ends itself at the second op.
class Busy : public Observer {
 public:
  explicit Busy(std::unique_ptr<Busy>& self) : self_(self) {}
  void after_op(const OpEvent& event) override {
    static_cast<void>(norm(*event.output));
    if (++seen == 2) self_.reset();
  }
  int seen = 0;

 private:
  std::unique_ptr<Busy>& self_;
};

TEST_CASE("observer: may compute, and may end itself, in a callback") {
  const Var x = vector({0.5});
  Log log;
  std::unique_ptr<Busy> busy;
  busy = std::make_unique<Busy>(busy);
  sum(exp(exp(x)));
  CHECK(busy == nullptr);
  CHECK(log.lines == std::vector<std::string>{"op0 exp", "op0 exp", "op0 sum"});
}

TEST_CASE("trace: a line an op, a rule with its formula, a d for each order") {
  const Var x = vector({0.6, -0.8});
  std::ostringstream out;
  {
    const Trace trace(out, {.names = {{"x", x}}});
    static_cast<void>(grad(norm(x), x));
  }
  CHECK(without_ids(out.str()) ==
        "# norm(x [2]) = [], norm 1\n"
        "d vjp of # norm: n = |x|; <x, dx> / n, 0 at n = 0\n"
        "d   cotangent [], norm 1\n"
        "d   # div_or_zero(# [], # []) = [], norm 1\n"
        "d   # mul(# [], x [2]) = [2], norm 1\n"
        "d   d x = [2], norm 1\n");
}

TEST_CASE("trace: only what was asked for, a line at a time") {
  const Var x = vector({0.5});
  const Var y = vector({2});
  std::ostringstream out;
  std::istringstream enter("\n\n\n\n\n\n\n\n");
  {
    const Trace trace(out, {.only = "mul", .pause = &enter});
    static_cast<void>(grad(sum(tanh(x * y)), x));
  }
  CHECK(without_ids(out.str()) ==
        "# mul(# [1], # [1]) = [1], norm 1\n"
        "d vjp of # mul: x y; y dx + x dy\n"
        "d   cotangent [1], norm 0.42\n"
        "d   # mul(# [1], # [1]) = [1], norm 0.8399\n"
        "d   d # = [1], norm 0.8399\n"
        "d   d # is not needed\n");
  CHECK(enter.tellg() == 6);
}

TEST_CASE("profile: calls, bytes and time by op and order") {
  const Var x = leaf(Tensor::full({1000}, 0.5, DType::f32));
  Profile profile;
  const Var first = grad(sum(tanh(tanh(x))), x, {.create_graph = true});
  static_cast<void>(grad(norm(first), x));
  std::int64_t forward = 0;
  bool second_order = false;
  for (const Profile::Row& row : profile.rows()) {
    CHECK(row.seconds >= 0);
    if (row.name == "tanh" && row.order == 0) {
      forward = row.calls;
      CHECK(row.bytes == 2 * 4000);
    }
    second_order = second_order || (row.name == "tanh_grad" && row.order == 2);
  }
  CHECK(forward == 2);
  CHECK(second_order);
  std::ostringstream out;
  profile.print(out);
  CHECK(out.str().find("tanh_grad") != std::string::npos);
}

std::string message_of(const auto& f) {
  try {
    f();
  } catch (const NumericError& error) {
    return without_ids(error.what());
  }
  return "nothing was thrown";
}

TEST_CASE("numeric check: names the first op that made a NaN in a forward pass, and where") {
  const Var x = vector({1, 0.5, -2});
  NumericCheck check;
  CHECK(message_of([&] { sum(log(x) * 2.0); }) ==
        "log: first non-finite value nan at [2] of [3]: largest inputs 2");
  CHECK(message_of([&] { sum(exp(x)); }) == "nothing was thrown");
}

TEST_CASE("numeric check: in a derivative also the rule and the module that it belongs to") {
  const Var x = vector({1, 0});
  NumericCheck check;
  Var y;
  {
    const NameScope trunk("trunk");
    const NameScope layer("1");
    y = sqrt(x);
  }
  CHECK(message_of([&] { grad(sum(y), x); }) ==
        "div (vjp of 'sqrt' #, trunk.1): first non-finite value inf at [1] of [2]: largest inputs "
        "1, 2");
}

TEST_CASE("numeric check: may warn and go on") {
  const Var x = vector({-1});
  std::ostringstream out;
  {
    const NumericCheck check({.warn_only = &out});
    CHECK(std::isnan(log(x).item()));
  }
  CHECK(out.str() == "log: first non-finite value nan at [0] of [1]: largest inputs 1\n");
}

TEST_CASE("scope: errors and observers say where in the model they are") {
  CHECK(NameScope::path().empty());
  const nn::Sequential model(nn::Linear(4, 3), nn::Relu(), nn::Linear(2, 1));
  const NameScope trunk("trunk");
  CHECK_THROWS_WITH_AS(model(constant(Tensor::zeros({5, 4}, DType::f32))),
                       "trunk.2 / linear: x must have the features of the weight: x [5, 3] · "
                       "weight [1, 2]  (3 != 2)",
                       ShapeError);
  CHECK(NameScope::path() == "trunk");
}

}  // namespace
}  // namespace taskgrad
