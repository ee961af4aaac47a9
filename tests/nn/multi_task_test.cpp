#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/multi_task.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace taskgrad::nn {
namespace {

MultiTask make() {
  MultiTask model(Sequential(Linear(3, 4), Relu(), Linear(4, 5), Relu()),
                  repeat(2, [] { return Linear(5, 1); }));
  model.init(Rng(1));
  return model;
}

TEST_CASE("multi_task: parameters by name, the trunk's first") {
  const MultiTask model = make();
  std::vector<std::string> names;
  for (const auto& [name, parameter] : model.all()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"trunk.0.weight", "trunk.0.bias", "trunk.2.weight",
                                          "trunk.2.bias", "head.0.weight", "head.0.bias",
                                          "head.1.weight", "head.1.bias"});
  CHECK(model.shared().size() == 4);
  CHECK(model.head(1)[0].name == "head.1.weight");
  CHECK(model.head(1).size() == 2);
}

TEST_CASE("multi_task: heads have parameters of their own and a loss reaches only its head") {
  const MultiTask model = make();
  const List<Var> y = model(constant(Rng(2).uniform({6, 3}, -1, 1, DType::f32)));
  CHECK(y.size() == 2);
  CHECK_FALSE(equal_bits(y[0].value(), y[1].value()));
  const Var other = model.head(1)[0].parameter.value();
  CHECK_THROWS_AS(grad(sum(y[0]), other), GraphError);
  CHECK(norm(grad(sum(y[1]), other)).item() > 0);
}

TEST_CASE("multi_task: one task's prediction is that among all") {
  const MultiTask model = make();
  const Var z = model.represent(constant(Rng(2).uniform({6, 3}, -1, 1, DType::f32)));
  const List<Var> all = model.predict(z);
  for (int task = 0; task < 2; ++task) {
    CHECK(equal_bits(model.predict(z, task).value(), all[static_cast<std::size_t>(task)].value()));
  }
  CHECK_THROWS_WITH_AS(model.predict(z, 2), "MultiTask::predict: tasks are 0 to 1: 2", ConfigError);
  CHECK_THROWS_WITH_AS(model.predict(z, -1), "MultiTask::predict: tasks are 0 to 1: -1",
                       ConfigError);
}

TEST_CASE("multi_task: the anchor is the trunk's last weight unless chosen") {
  MultiTask model = make();
  CHECK(model.anchor().size() == 1);
  CHECK(model.anchor()[0].name == "trunk.2.weight");
  const std::string_view chosen[] = {"trunk.0.weight", "trunk.0.bias"};
  model.set_anchor(chosen);
  CHECK(model.anchor().size() == 2);
  const std::string_view head[] = {"head.0.weight"};
  CHECK_THROWS_WITH_AS(model.set_anchor(head),
                       "MultiTask::set_anchor: a parameter of the trunk is needed: 'head.0.weight'",
                       ConfigError);
  CHECK_THROWS_WITH_AS(model.set_anchor(std::span<const std::string_view>()),
                       "MultiTask::set_anchor: at least one name: 0 were given", ConfigError);
  CHECK(model.anchor().size() == 2);
  CHECK(model.anchor()[0].name == "trunk.0.weight");
}

TEST_CASE("substitution: a model is a function of other values, and its own come back") {
  const MultiTask model = make();
  const Var x = constant(Rng(2).uniform({6, 3}, -1, 1, DType::f32));
  const double before = sum(model(x)[0]).item();
  List<Var> values;
  for (const auto& [name, parameter] : model.all()) values.push_back(parameter.value() * 0.0);
  {
    const Substitution zeros(model.all(), values);
    CHECK(sum(model(x)[0]).item() == 0);
  }
  CHECK(sum(model(x)[0]).item() == before);
  CHECK_THROWS_AS(Substitution(model.all(), std::span<const Var>(values).first(2)), ConfigError);
  std::swap(values[0], values[1]);
  CHECK_THROWS_AS(Substitution(model.all(), values), ShapeError);
  CHECK(sum(model(x)[0]).item() == before);
}

TEST_CASE("multi_task: an error says in which part of the model it came up") {
  const nn::MultiTask model(nn::Sequential(nn::Linear(4, 3), nn::Linear(3, 3)),
                            nn::repeat(2, [] { return nn::Linear(2, 1); }));
  CHECK_THROWS_WITH_AS(
      model(constant(Tensor::zeros({5, 6}, DType::f32))),
      "trunk.0 / linear: x must have the features of the weight: x [5, 6] · weight "
      "[3, 4]  (6 != 4)",
      ShapeError);
  CHECK_THROWS_WITH_AS(model(constant(Tensor::zeros({5, 4}, DType::f32))),
                       "head.0 / linear: x must have the features of the weight: x [5, 3] · weight "
                       "[1, 2]  (3 != 2)",
                       ShapeError);
}

TEST_CASE("multi_task: what cannot be built is refused") {
  const auto heads = [] { return repeat(1, [] { return Linear(2, 2); }); };
  CHECK_THROWS_WITH_AS(MultiTask(Linear(2, 2), std::vector<std::unique_ptr<Layer>>()),
                       "MultiTask: at least one head is needed: 0 were given", ConfigError);
  const char* null = "MultiTask: trunk and heads are layers: a null pointer was given";
  CHECK_THROWS_WITH_AS(MultiTask(std::unique_ptr<Layer>(), heads()), null, ConfigError);
  CHECK_THROWS_WITH_AS(MultiTask(Linear(2, 2), std::vector<std::unique_ptr<Layer>>(1)), null,
                       ConfigError);
  CHECK_THROWS_WITH_AS(MultiTask(Relu(), heads()),
                       "MultiTask: the trunk needs a layer with a weight, as GradNorm's anchor: it "
                       "has 0 parameters",
                       ConfigError);
}

}  // namespace
}  // namespace taskgrad::nn
