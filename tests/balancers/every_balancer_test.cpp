// What holds for every method of the table: it trains, continues from its state with the same bits,
// starts over, counts its passes, and leaves absent tasks alone.
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/log_losses.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/optim.h>

#include <doctest/doctest.h>

#include "problem.h"
#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace taskgrad {
namespace {

using test::SmallProblem;

// One step of training, with all that the method asks for.
Gradients advance(Balancer& method, const SmallProblem& problem, std::uint64_t batch,
                  const std::vector<int>& absent = {}, nn::Optimizer* optimizer = nullptr) {
  Step step = problem.whole_step(batch, absent);
  Gradients update = method.backward(step);
  if (optimizer != nullptr) optimizer->step(update);
  if (method.wants_after_step()) {
    List<double> losses;
    for (const Var& loss : problem.losses_without(batch, absent)) {
      losses.push_back(loss.defined() ? loss.item() : std::nan(""));
    }
    method.after_step(losses);
  }
  if (batch % 5 == 4) method.end_epoch();
  return update;
}

bool finite(const Gradients& gradients) {
  return std::all_of(gradients.begin(), gradients.end(),
                     [](const Gradient& g) { return kernels::all_finite(g.value); });
}

bool same_state(const StateDict& a, const StateDict& b) {
  if (a.tensors.size() != b.tensors.size()) return false;
  for (const auto& [name, tensor] : a.tensors) {
    if (!b.tensors.contains(name) || !equal_bits(tensor, b.tensors.at(name))) return false;
  }
  return true;
}

TEST_CASE("every balancer: 50 steps of training on 3 tasks end with finite losses that fell") {
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    nn::Adam optimizer(problem.model.all(), {.lr = 1e-2});
    const Step before = problem.step(0);
    for (std::uint64_t t = 0; t < 50; ++t) {
      CHECK(finite(advance(*method, problem, 0, {}, &optimizer)));
    }
    const Step after = problem.step(0);
    CHECK(all_finite(after.values()));
    CHECK(sum(after.values() / before.values()) < 3);
  }
}

TEST_CASE("every balancer: a run continued from its state has the same bits") {
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto whole = make_balancer(name, 3);
    const auto first = make_balancer(name, 3);
    const auto second = make_balancer(name, 3);
    for (std::uint64_t t = 0; t < 7; ++t) {
      static_cast<void>(advance(*whole, problem, t));
      static_cast<void>(advance(*first, problem, t));
    }
    second->load(first->state());
    CHECK(same_state(second->state(), first->state()));
    for (std::uint64_t t = 7; t < 14; ++t) {
      const Gradients expected = advance(*whole, problem, t);
      CHECK(test::equal_bits(advance(*second, problem, t), expected));
    }
    CHECK(same_state(second->state(), whole->state()));
    CHECK(second->weights() == whole->weights());
  }
}

TEST_CASE("every balancer: a state that does not fit is refused and changes nothing") {
  int with_state = 0;
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    for (std::uint64_t t = 0; t < 3; ++t) static_cast<void>(advance(*method, problem, t));
    const StateDict state = method->state();
    if (state.tensors.empty()) continue;
    ++with_state;
    StateDict broken = state;
    auto& [key, tensor] = *broken.tensors.begin();
    tensor = Tensor::zeros({17, 17}, DType::f64);
    const auto fresh = make_balancer(name, 3);
    const StateDict before = fresh->state();
    CHECK_THROWS_AS(fresh->load(broken), Error);
    CHECK(same_state(fresh->state(), before));
  }
  CHECK(with_state >= 20);
}

TEST_CASE("every balancer: reset is the state after construction") {
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    const auto fresh = make_balancer(name, 3);
    for (std::uint64_t t = 0; t < 6; ++t) static_cast<void>(advance(*method, problem, t));
    method->reset();
    CHECK(same_state(method->state(), fresh->state()));
    CHECK(test::equal_bits(advance(*method, problem, 3), advance(*fresh, problem, 3)));
  }
}

TEST_CASE("every balancer: passes over the graph are as its header says, for 3 tasks") {
  const std::map<std::string_view, int> expected = {{"gradnorm", 5},    {"modo", 9}, {"sdmgrad", 9},
                                                    {"auto_lambda", 4}, {"moml", 6}, {"forum", 5}};
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    Step step = problem.whole_step();
    static_cast<void>(method->backward(step));
    const int usual = method->needs() == Needs::losses ? 1 : 3;
    CHECK(step.backward_passes() == (expected.contains(name) ? expected.at(name) : usual));
  }
}

TEST_CASE("every balancer: an absent task is held: no NaN, no state of it moved, its head still") {
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    for (std::uint64_t t = 0; t < 6; ++t) static_cast<void>(advance(*method, problem, t));
    const StateDict before = method->state();
    const Vec weights_before = method->weights();
    const Gradients update = advance(*method, problem, 6, {1});
    CHECK(finite(update));
    std::size_t at = problem.model.shared().size() + problem.model.head(0).size();
    for (std::size_t k = 0; k < problem.model.head(1).size(); ++k) {
      CHECK(kernels::norm(update[at + k].value).item() == 0);
    }
    CHECK(kernels::norm(update[0].value).item() > 0);
    for (const auto& [its_entry, tensor] : method->state().tensors) {
      const auto& entry = its_entry;  // clang 14 captures no bindings
      CAPTURE(entry);
      CHECK(kernels::all_finite(tensor));
      if (tensor.rank() == 0 || tensor.shape()[0] != 3) continue;
      CHECK(equal_bits(tensor.select(0, 1).contiguous(),
                       before.tensors.at(entry).select(0, 1).contiguous()));
    }
    // z of famo and w of dwa are normalised over all tasks when they are shown.
    if (!weights_before.empty() && name != "famo" && name != "dwa") {
      CHECK(method->weights()[1] == weights_before[1]);
    }
    CHECK(finite(advance(*method, problem, 7)));  // and back again
  }
}

// A trunk and heads of the same names have the same initial values, so the two problems are one.
TEST_CASE(
    "every balancer: with a task absent from the start it acts as if there were no such task") {
  // Shares that sum to 1 over all tasks: what the absent one holds is missing.
  const std::set<std::string_view> keeps_share = {"moco", "modo", "cr_mogm", "forum"};
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem three(3, 1, 2);
    const SmallProblem two(2, 1, 2);
    const auto method = make_balancer(name, 3);
    const auto other = make_balancer(name, 2);
    double difference = 0;
    for (std::uint64_t t = 0; t < 12; ++t) {
      Gradients a = advance(*method, three, t, {2});
      const Gradients b = advance(*other, two, t);
      a.erase(a.begin() + static_cast<std::ptrdiff_t>(b.size()), a.end());
      difference = std::max(difference, test::relative_difference(a, b));
    }
    if (keeps_share.contains(name)) CHECK(difference > 1e-3);
    if (!keeps_share.contains(name)) CHECK(difference < 1e-9);
  }
}

TEST_CASE("every balancer: a batch in which only one task has labels is no trouble") {
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(3, 1, 2);
    const auto method = make_balancer(name, 3);
    for (std::uint64_t t = 0; t < 9; ++t) {
      const int present = static_cast<int>(t % 3);
      CHECK(finite(advance(*method, problem, t, {(present + 1) % 3, (present + 2) % 3})));
    }
    for (const auto& [entry, tensor] : method->state().tensors) {
      CHECK(kernels::all_finite(tensor));
    }
  }
}

TEST_CASE("every balancer: those that want further batches say so and refuse to go without") {
  int wanting = 0;
  for (const std::string_view name : balancer_names()) {
    CAPTURE(name);
    const SmallProblem problem(2);
    const auto method = make_balancer(name, 2);
    Step step = problem.step();
    if (method->wants_batches()) {
      ++wanting;
      CHECK_THROWS_AS(static_cast<void>(method->backward(step)), ConfigError);
    } else {
      CHECK(finite(method->backward(step)));
    }
  }
  CHECK(wanting == 5);
}

}  // namespace
}  // namespace taskgrad
