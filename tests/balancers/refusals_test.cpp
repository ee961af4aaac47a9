// What the methods refuse: options, gradients that are not finite, states that are not theirs.
#include <taskgrad/balancers/auto_lambda.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/cr_mogm.h>
#include <taskgrad/balancers/db_mtl.h>
#include <taskgrad/balancers/double_sampling.h>
#include <taskgrad/balancers/dtp.h>
#include <taskgrad/balancers/dwa.h>
#include <taskgrad/balancers/excess_mtl.h>
#include <taskgrad/balancers/famo.h>
#include <taskgrad/balancers/forum.h>
#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/maxgnr.h>
#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/moco.h>
#include <taskgrad/balancers/moml.h>
#include <taskgrad/balancers/stch.h>
#include <taskgrad/balancers/uncertainty.h>

#include <doctest/doctest.h>

#include "../core/testing.h"
#include "problem.h"
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgrad {
namespace {

using test::SmallProblem;
using testing::text_of;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class Method, class... Options>
std::string refusal(int tasks, Options... options) {
  return text_of<ConfigError>([&] { Method(tasks, std::move(options)...); });
}

TEST_CASE("refusals: a method is made for at least one task") {
  CHECK(refusal<AutoLambda>(0) == "AutoLambda: at least one task: 0");
  CHECK(refusal<CrMogm>(0, std::make_unique<Mgda>()) == "CrMogm: at least one task: 0");
  CHECK(refusal<DbMtl>(0) == "DbMtl: at least one task: 0");
  CHECK(refusal<Dwa>(0) == "Dwa: at least one task: 0");
  CHECK(refusal<ExcessMtl>(0) == "ExcessMtl: at least one task: 0");
  CHECK(refusal<Famo>(0) == "Famo: at least one task: 0");
  CHECK(refusal<Forum>(0) == "Forum: at least one task: 0");
  CHECK(refusal<GradVac>(0) == "GradVac: at least one task: 0");
  CHECK(refusal<ImtlL>(0) == "ImtlL: at least one task: 0");
  CHECK(refusal<MaxGnr>(0) == "MaxGnr: at least one task: 0");
  CHECK(refusal<MoCo>(0) == "MoCo: at least one task: 0");
  CHECK(refusal<MoDo>(0) == "MoDo: at least one task: 0");
  CHECK(refusal<Stch>(0) == "Stch: at least one task: 0");
}

TEST_CASE("refusals: options out of range") {
  CHECK(refusal<DbMtl>(2, DbMtlOptions{.decay = -1}) ==
        "DbMtl: decay is finite and not negative: -1");
  CHECK(refusal<Dtp>(2, DtpOptions{.gamma = kInfinity}) ==
        "Dtp: gamma is finite and not negative: inf");
  CHECK(refusal<Famo>(2, FamoOptions{.gamma = -1}) ==
        "Famo: weight_lr and gamma are finite and not negative: -1");
  CHECK(refusal<Forum>(2, ForumOptions{.rho = -1}) ==
        "Forum: rates and rho are finite and not negative: -1");
  CHECK(refusal<MoCo>(2, MoCoOptions{.rho = kInfinity}) ==
        "MoCo: weight_rate and rho are finite and not negative: inf");
  CHECK(refusal<Moml>(2, MomlOptions{.look_ahead = -1}) ==
        "Moml: options are finite and not negative: -1");
  CHECK(refusal<Stch>(2, StchOptions{.warmup_steps = 0}) ==
        "Stch: at least one warm-up step, for the nadir: 0");
  CHECK(refusal<Uncertainty>(2, UncertaintyOptions{.initial_log_variance = kInfinity}) ==
        "Uncertainty: initial_log_variance is finite: inf");
  CHECK(text_of<ConfigError>([] {
          make_balancer("stch", 2, {{"warmup_steps", "3000000000"}});
        }) == "make_balancer: warmup_steps of 'stch' is at most 2147483647: '3000000000'");
}

// Losses that are finite and whose gradients are not: the root has an infinite slope at 0.
List<Var> steep(const SmallProblem& problem) {
  List<Var> losses = problem.losses();
  for (Var& loss : losses) loss = loss + sqrt(loss * 0.0);
  return losses;
}

std::string refusal_of_steep(std::string_view name, bool own = true) {
  const SmallProblem problem(2);
  const auto further = [&](int k) { return k == 0 ? problem.losses() : steep(problem); };
  Step step(own ? steep(problem) : problem.losses(), problem.model, {.batches = further});
  const auto method = make_balancer(name, 2);
  const StateDict before = method->state();
  const std::string text =
      text_of<NumericError>([&] { static_cast<void>(method->backward(step)); });
  for (const auto& [key, tensor] : method->state().tensors) {
    CHECK(equal_bits(tensor, before.tensors.at(key)));
  }
  return text;
}

TEST_CASE("refusals: gradients that are not finite change no state") {
  for (const std::string name : {"mgda", "graddrop", "modo", "excess_mtl", "maxgnr"}) {
    CHECK(refusal_of_steep(name) == name + ": gradients of the tasks must be finite");
  }
  CHECK(refusal_of_steep("moml", false) == "moml: gradients in the weights must be finite");
  CHECK(refusal_of_steep("forum", false) == "forum: gradients must be finite");
  CHECK(refusal_of_steep("auto_lambda", false)
            .starts_with("auto_lambda: gradients in the weights must be finite: "));

  const SmallProblem problem(2);
  Step step = problem.step();
  Uncertainty sure(2, {.initial_log_variance = -800});
  CHECK(text_of<NumericError>([&] { static_cast<void>(sure.backward(step)); }) ==
        "uncertainty: gradients of the method's own parameters must be finite: -inf, -inf");
  CHECK(sure.weights()[0] == kInfinity);
}

std::string refusal_of_state(const std::string& name, const std::string& key, const Tensor& value) {
  const auto method = make_balancer(name, 2);
  StateDict state = method->state();
  state.tensors[key] = value;
  return text_of<Error>([&] { method->load(state); });
}

TEST_CASE("refusals: states") {
  const auto refused = refusal_of_state;
  CHECK(refused("dwa", "more", Tensor::scalar(1, DType::f64)).ends_with(": 'more' was given too"));
  CHECK(refused("auto_lambda", "weights", Tensor::zeros({2}, DType::f32)) ==
        "auto_lambda::load: 'weights' has the type f64: f32");
  CHECK(refused("auto_lambda", "weights", Tensor::full({2}, kInfinity, DType::f64)) ==
        "auto_lambda::load: every number of the state is finite: 'weights' is not");
  CHECK(refused("auto_lambda", "adam.steps", Tensor::full({2}, 0.5, DType::f64)) ==
        "VecAdam::load: the number of steps is whole and not negative: 0.5");
  CHECK(refused("moco", "steps", Tensor::scalar(0.5, DType::f64)) ==
        "moco::load: 'steps' is whole and not negative: 0.5");
}

TEST_CASE("refusals: famo wants a loss a task after a step") {
  Famo method(2);
  CHECK(text_of<ConfigError>([&] { method.after_step(std::vector<double>{1}); }) ==
        "Famo::after_step: one loss a task: 2 tasks · 1 losses");
}

}  // namespace
}  // namespace taskgrad
