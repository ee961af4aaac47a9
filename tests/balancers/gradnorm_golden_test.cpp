// Ten steps of GradNorm against what PyTorch computed in f64 by `create_graph=True`; see
// golden/README.md.
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/safetensors.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

namespace taskgrad {
namespace {

constexpr double kTolerance = 1e-10;

nn::MultiTask golden_model(int tasks, const StateDict& golden) {
  nn::MultiTask model(
      nn::Sequential(nn::Linear(12, 16), nn::Relu(), nn::Linear(16, 16), nn::Relu(),
                     nn::Linear(16, 16), nn::Relu(), nn::Linear(16, 16), nn::Relu()),
      nn::repeat(tasks, [] { return nn::Linear(16, 5); }));
  model.to(DType::f64);
  StateDict start;
  for (const auto& [name, tensor] : golden.tensors) {
    if (name.starts_with("init/")) start.tensors.emplace(name.substr(5), tensor);
  }
  model.load(start);
  return model;
}

// Largest |found - expected| relative to the largest |expected| of the row or tensor.
double relative_error(const Tensor& found, const Tensor& expected) {
  const double scale = kernels::norm(expected).item();
  return kernels::norm(kernels::sub(found, expected)).item() / scale;
}

void follow(int tasks, const std::string& form, GradNormPath path) {
  const auto file = std::filesystem::path(TASKGRAD_GOLDEN_DIR) /
                    ("gradnorm_t" + std::to_string(tasks) + ".safetensors");
  const StateDict golden = load(file);
  nn::MultiTask model = golden_model(tasks, golden);
  const WeightForm weight_form = form == "log" ? WeightForm::log : WeightForm::linear;
  GradNorm balancer(tasks, {.alpha = 0.12, .path = path, .weight_form = weight_form});
  nn::Adam optimizer(model.all(), {.lr = 1e-3});
  const auto row = [&](const char* what, int t) {
    return golden.tensors.at(form + "/" + what).select(0, t);
  };
  for (int t = 0; t < 10; ++t) {
    CAPTURE(t);
    const Tensor x = golden.tensors.at("batch/x").select(0, t);
    List<Tensor> targets;
    for (int i = 0; i < tasks; ++i) {
      targets.push_back(golden.tensors.at("batch/y").select(0, t).select(0, i));
    }
    CHECK(relative_error(to_tensor(balancer.weights()), row("weights", t)) < kTolerance);
    Step step(nn::mse(model(constant(x)), targets), model);
    optimizer.step(balancer.backward(step));
    CHECK(relative_error(to_tensor(step.values()), row("losses", t)) < kTolerance);
    CHECK(relative_error(to_tensor(balancer.last().norms), row("norms", t)) < kTolerance);
    CHECK(relative_error(to_tensor(balancer.last().targets), row("targets", t)) < kTolerance);
    CHECK(relative_error(to_tensor(balancer.last().weight_gradients), row("weight_grads", t)) <
          kTolerance);
  }
  CHECK(relative_error(to_tensor(balancer.weights()), row("weights", 10)) < kTolerance);
  for (const nn::NamedParameter& entry : model.all()) {
    CAPTURE(entry.name);
    CHECK(relative_error(entry.parameter.value().value(),
                         golden.tensors.at(form + "/final/" + entry.name)) < kTolerance);
  }
}

TEST_CASE("gradnorm golden: ten steps as PyTorch takes them, for 2, 3 and 10 tasks") {
  for (const int tasks : {2, 3, 10}) {
    for (const char* form : {"linear", "log"}) {
      for (const GradNormPath path : {GradNormPath::second_order, GradNormPath::closed_form}) {
        CAPTURE(tasks);
        CAPTURE(form);
        follow(tasks, form, path);
      }
    }
  }
}

}  // namespace
}  // namespace taskgrad
