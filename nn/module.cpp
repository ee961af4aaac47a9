#include <taskgrad/core/fail.h>
#include <taskgrad/nn/module.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace taskgrad::nn {
namespace {

// Calls a function with each parameter under its full name.
class Walk : public Visitor {
 public:
  using Function = std::function<void(const std::string&, Parameter&, const Initializer&)>;
  explicit Walk(Function function) : function_(std::move(function)) {}

  void operator()(std::string_view name, Parameter& parameter,
                  const Initializer& initializer) override {
    function_(fmt::format("{}{}", prefix_, name), parameter, initializer);
  }
  void operator()(std::string_view name, Module& child) override {
    const std::string outer = prefix_;
    prefix_ = fmt::format("{}{}.", outer, name);
    child.visit(*this);
    prefix_ = outer;
  }

 private:
  Function function_;
  std::string prefix_;
};

// New values for several parameters: all of them, or none when one cannot be made.
class Values {
 public:
  void add(const Parameter& parameter, Tensor value) {
    new_.emplace_back(parameter, leaf(std::move(value)));
  }
  void set() noexcept {
    for (auto& [parameter, value] : new_) parameter.set(std::move(value));
  }

 private:
  std::vector<std::pair<Parameter, Var>> new_;
};

}  // namespace

std::vector<NamedParameter> Module::parameters() {
  std::vector<NamedParameter> all;
  Walk walk([&](const std::string& name, Parameter& parameter, const Initializer&) {
    all.push_back({name, parameter});
  });
  visit(walk);
  return all;
}

std::int64_t Module::count() {
  std::int64_t count = 0;
  for (const auto& [name, parameter] : parameters()) count += parameter.shape().size();
  return count;
}

void Module::init(const Rng& rng) {
  Values values;
  Walk walk([&](const std::string& name, Parameter& parameter, const Initializer& initializer) {
    values.add(parameter,
               initializer(parameter.shape(), parameter.value().dtype(), rng.stream(name)));
  });
  visit(walk);
  values.set();
}

void Module::to(DType dtype) {
  Values values;
  for (auto& [name, parameter] : parameters()) {
    values.add(parameter, parameter.value().value().to(dtype));
  }
  values.set();
}

StateDict Module::state() {
  StateDict state;
  for (const auto& [name, parameter] : parameters()) {
    state.tensors.emplace(name, parameter.value().value());
  }
  return state;
}

void Module::load(const StateDict& state) {
  std::vector<NamedParameter> own = parameters();
  for (const auto& [name, parameter] : own) {
    required(state, name, parameter.shape(), "Module::load");
  }
  if (state.tensors.size() != own.size()) {
    for (const auto& [name, tensor] : state.tensors) {
      if (std::ranges::find(own, name, &NamedParameter::name) == own.end()) {
        fail<ConfigError>("Module::load: the model must have what the state has: no parameter '{}'",
                          name);
      }
    }
  }
  Values values;
  for (auto& [name, parameter] : own) {
    values.add(parameter, state.tensors.at(name).to(parameter.value().dtype()));
  }
  values.set();
}

}  // namespace taskgrad::nn
