// What happens when memory runs out: every allocation of a training step is made to fail, one run
// for each. A program of its own, because it replaces new.
//
// A failure must come out as std::bad_alloc (or as the documented IoError of a file), must leak
// nothing, and must leave what it worked on as it was: the same call then gives the same bits as in
// a run without a failure. Two kinds of failure: one allocation alone, and all from one on, which
// also meets what destructors and handlers do while the exception is under way.
#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/core/safetensors.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>

#include "failing_new.h"

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace taskgrad {
namespace {

using failing_new::Kind;

std::uint64_t hash_of(const StateDict& state) {
  std::uint64_t hash = 0;
  for (const auto& [name, tensor] : state.tensors) hash = hash_bits(tensor, hash);
  return hash;
}

// Calls `work` again and again, with failure at its first, second, ... allocation, until it is
// through without one. `state` is a hash of all that `work` may change: equal before and after a
// failure. Returns how many allocations failed.
template <class Work, class State>
int fail_everywhere(Kind kind, const Work& work, const State& state) {
  for (int n = 1;; ++n) {
    CAPTURE(n);
    memory::trim();  // the pool would hide an allocation behind a block that it still has
    const std::uint64_t state_before = state();
    memory::trim();
    const std::int64_t blocks = failing_new::live_blocks();
    const std::int64_t nodes = live_nodes();
    const std::int64_t bytes = memory::stats().bytes_in_use;
    bool thrown = false;
    failing_new::arm(n, kind);
    try {
      work();
    } catch (const std::bad_alloc&) {
      thrown = true;
    } catch (const IoError&) {  // a stream reports a lack of memory as a failure to read or write
      thrown = true;
    } catch (...) {  // not as it should be: doctest reports it, and needs memory for that
      failing_new::disarm();
      throw;
    }
    const bool failed = failing_new::disarm();
    REQUIRE(thrown == failed);
    if (!failed) return n - 1;
    const std::uint64_t state_after = state();
    memory::trim();
    REQUIRE(failing_new::live_blocks() == blocks);
    REQUIRE(live_nodes() == nodes);
    REQUIRE(memory::stats().bytes_in_use == bytes);
    REQUIRE(state_after == state_before);
  }
}

// A model, data, a balancer and an optimizer; wide enough for products on several threads, while
// everything else is small.
class Training {
 public:
  Training(std::unique_ptr<Balancer> method, bool adam)
      : model(nn::Sequential(nn::Linear(96, 72), nn::Relu(), nn::Linear(72, 5), nn::Tanh()),
              nn::repeat(2, [] { return nn::Linear(5, 2); })),
        balancer(std::move(method)),
        x(Rng(1).stream("x").uniform({96, 96}, -1, 1, DType::f64)),
        y{Rng(1).stream("y0").uniform({96, 2}, -1, 1, DType::f64),
          Rng(1).stream("y1").uniform({96, 2}, -9, 9, DType::f64)} {
    model.to(DType::f64);
    model.init(Rng(1).stream("init"));
    if (adam) {
      optimizer = std::make_unique<nn::Adam>(model.all(), nn::AdamOptions{.lr = 1e-2});
    } else {
      optimizer = std::make_unique<nn::Sgd>(model.all(), nn::SgdOptions{.momentum = 0.9});
    }
  }

  List<Var> losses() const { return nn::mse(model(constant(x)), y); }
  // The same batch again stands for further ones.
  StepOptions options() const {
    if (!balancer->wants_batches()) return {};
    return {.batches = [this](int) { return losses(); }};
  }
  void step() {
    Step step(losses(), model, options());
    optimizer->step(balancer->backward(step));
  }
  std::uint64_t hash() {
    return hash_of(model.state()) ^ 3 * hash_of(balancer->state()) ^
           5 * hash_of(optimizer->state());
  }

  nn::MultiTask model;
  std::unique_ptr<Balancer> balancer;
  std::unique_ptr<nn::Optimizer> optimizer;
  Tensor x;
  List<Tensor> y;
};

struct Method {
  std::string name;
  BalancerOptions options;
};

// Methods whose backward() changes nothing when it fails.
const std::set<std::string> kAllOrNothing{"equal", "gradnorm", "static", "uncertainty"};

// Each method there is; of GradNorm, whose second order needs the most, both ways.
std::vector<Method> methods() {
  std::vector<Method> all{{"gradnorm", {{"path", "closed_form"}}}};
  for (const std::string_view name : balancer_names()) all.push_back({std::string(name), {}});
  return all;
}

Training training(const Method& method, bool adam = true) {
  BalancerOptions options = method.options;
  if (method.name == "static") options["weights"] = "1,2";
  return Training(make_balancer(method.name, 2, options), adam);
}

TEST_CASE("faults: new fails where it is told") {
  failing_new::arm(2, Kind::one);
  ::operator delete(::operator new(1));
  CHECK_THROWS_AS(::operator delete(::operator new(1)), std::bad_alloc);
  ::operator delete(::operator new(1));
  CHECK(failing_new::disarm());
  failing_new::arm(1, Kind::all_from);
  CHECK_THROWS_AS(memory::allocate(1'000'003), std::bad_alloc);
  CHECK(::operator new(1, std::nothrow) == nullptr);
  CHECK(failing_new::disarm());
  const std::int64_t before = failing_new::live_blocks();
  void* const block = ::operator new(1);
  CHECK(failing_new::live_blocks() == before + 1);
  ::operator delete(block);
}

TEST_CASE("faults: making a model, a balancer and an optimizer") {
  training({"gradnorm", {}}).step();  // what is made once a program
  for (const Kind kind : {Kind::one, Kind::all_from}) {
    const auto make = [] { training({"gradnorm", {}}); };
    CHECK(fail_everywhere(kind, make, [] { return std::uint64_t{0}; }) > 50);
  }
}

TEST_CASE("faults: a training step, as a whole and in its parts") {
  const int before = threads();
  set_threads(2);
  set_parallel_cost(kParallelCost);  // however busy the machine is
  REQUIRE(threads_for(96 * 96 * 72 / 10) == 2);
  for (const Method& method : methods()) {
    CAPTURE(method.name);
    for (const Kind kind : {Kind::one, Kind::all_from}) {
      CAPTURE(static_cast<int>(kind));
      set_threads(kind == Kind::one ? 2 : 1);
      Training reference = training(method);
      reference.step();
      reference.step();

      Training t = training(method);
      const auto state = [&] { return t.hash(); };
      t.step();
      List<Var> losses;
      CHECK(fail_everywhere(
                kind, [&] { losses = t.losses(); }, state) > 10);
      Gradients gradients;
      const auto backward = [&] {  // one graph for all attempts: no mark may stay in it
        Step step(losses, t.model, t.options());
        gradients = t.balancer->backward(step);
      };
      if (kAllOrNothing.contains(method.name)) {
        CHECK(fail_everywhere(kind, backward, state) > 10);
      } else {  // part of its state may have moved; what was saved before brings it back
        const StateDict saved = t.balancer->state();
        const auto restored = [&] {
          t.balancer->load(saved);
          return t.hash();
        };
        restored();
        CHECK(fail_everywhere(kind, backward, restored) > 10);
        restored();
        backward();
      }
      const bool in_place = kind == Kind::one;  // nobody holds the values but the parameters
      if (in_place) losses.clear();
      CHECK(fail_everywhere(
                kind, [&] { t.optimizer->step(gradients); }, state) > (in_place ? 1 : 10));
      CHECK(t.hash() == reference.hash());

      // A step as a whole may end between its parts: the balancer has moved, the model has not.
      CHECK(fail_everywhere(
                kind, [&] { t.step(); }, [] { return std::uint64_t{0}; }) > 30);
      t.step();
    }
  }
  set_threads(before);
}

TEST_CASE("faults: stochastic gradient descent moves all parameters or none") {
  Training t = training({"equal", {}}, false);
  Training reference = training({"equal", {}}, false);
  for (const Kind kind : {Kind::one, Kind::all_from}) {
    Step step(t.losses(), t.model);
    const Gradients gradients = t.balancer->backward(step);
    CHECK(fail_everywhere(
              kind, [&] { t.optimizer->step(gradients); }, [&] { return t.hash(); }) > 10);
    reference.step();
    CHECK(t.hash() == reference.hash());
  }
}

TEST_CASE("faults: a derivative of a derivative, and its graph afterwards") {
  const Var w = leaf(Tensor::from({3}, {0.5, -0.2, 0.9}, DType::f64));
  const Var y = sum(tanh(w * w) / (w + 2.0));
  const auto curvature = [&] { return grad(norm(grad(y, w, {.create_graph = true})), w).value(); };
  const Tensor expected = curvature();
  for (const Kind kind : {Kind::one, Kind::all_from}) {
    Tensor found;
    const auto work = [&] { found = curvature(); };
    CHECK(fail_everywhere(kind, work, [] { return std::uint64_t{0}; }) > 30);
    CHECK(equal_bits(found, expected));
  }
}

TEST_CASE("faults: loading, converting and initialising change all or nothing") {
  Training t = training({"gradnorm", {}});
  t.step();
  const auto state = [&] { return t.hash(); };
  Training other = training({"gradnorm", {}});
  for (int i = 0; i < 3; ++i) other.step();
  const StateDict model = other.model.state();
  const StateDict optimizer = other.optimizer->state();
  const StateDict balancer = other.balancer->state();
  for (const Kind kind : {Kind::one, Kind::all_from}) {
    const std::function<void()> works[] = {
        [&] { t.model.load(model); },
        [&] { t.optimizer->load(optimizer); },
        [&] { t.balancer->load(balancer); },
        [&] { t.balancer->reset(); },
        [&] { t.model.init(Rng(2).stream("init")); },
        [&] {
          t.model.to(t.model.all()[0].parameter.value().dtype() == DType::f64 ? DType::f32
                                                                              : DType::f64);
        },
    };
    for (const auto& work : works) CHECK(fail_everywhere(kind, work, state) > 2);
  }
}

TEST_CASE("faults: safetensors in memory and in files") {
  Training t = training({"gradnorm", {}});
  StateDict state = t.model.state();
  state.text["a"] = "a text that is too long for a string to hold in itself";
  const std::string bytes = encode_safetensors(state, "f");
  const std::string long_list = R"({"t":{"dtype":"F32","shape":[1,2,3,4,5,6,7,8,9,10,11],)"
                                R"("data_offsets":[0,0]}})";
  std::string malformed(8, '\0');
  malformed[0] = static_cast<char>(long_list.size());
  malformed += long_list;
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      ("taskgrad_faults_" + std::to_string(reinterpret_cast<std::uintptr_t>(&t)));
  std::filesystem::path aside = path;
  aside += ".partial";
  save(path, {});
  const auto nothing = [] { return std::uint64_t{0}; };
  const auto file = [&] {
    CHECK_FALSE(std::filesystem::exists(aside));
    return hash_of(load(path));
  };
  for (const Kind kind : {Kind::one, Kind::all_from}) {
    std::string encoded;
    StateDict decoded;
    CHECK(fail_everywhere(
              kind, [&] { encoded = encode_safetensors(state, "f"); }, nothing) > 10);
    CHECK(encoded == bytes);
    CHECK(fail_everywhere(
              kind, [&] { decoded = decode_safetensors(bytes, "f"); }, nothing) > 10);
    CHECK(hash_of(decoded) == hash_of(state));
    CHECK(fail_everywhere(
              kind,
              [&] {
                try {
                  decode_safetensors(malformed, "f");
                } catch (const IoError&) {
                }
              },
              nothing) > 10);
    CHECK(fail_everywhere(
              kind, [&] { save(path, state); }, file) > 10);
    CHECK(fail_everywhere(
              kind, [&] { decoded = load(path); }, nothing) > 10);
    CHECK(hash_of(decoded) == hash_of(state));
    save(path, {});
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace taskgrad
