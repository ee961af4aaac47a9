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
  Walk walk([&](const std::string& name, Parameter& parameter, const Initializer& initializer) {
    parameter.set(initializer(parameter.shape(), parameter.value().dtype(), rng.stream(name)));
  });
  visit(walk);
}

void Module::to(DType dtype) {
  for (auto& [name, parameter] : parameters()) parameter.set(parameter.value().value().to(dtype));
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
      const auto same = [&](const NamedParameter& entry) { return entry.name == name; };
      if (std::none_of(own.begin(), own.end(), same)) {
        fail<ConfigError>("Module::load: the model has no parameter '{}'", name);
      }
    }
  }
  for (auto& [name, parameter] : own) {
    parameter.set(state.tensors.at(name).to(parameter.value().dtype()));
  }
}

}  // namespace taskgrad::nn
