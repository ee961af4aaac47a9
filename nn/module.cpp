#include <taskgrad/core/fail.h>
#include <taskgrad/nn/module.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace taskgrad::nn {
namespace {

// Calls functions with each parameter and each buffer under its full name.
class Walk : public Visitor {
 public:
  using OnParameter = std::function<void(const std::string&, Parameter&, const Initializer&)>;
  using OnBuffer = std::function<void(const std::string&, Tensor&)>;
  explicit Walk(OnParameter on_parameter, OnBuffer on_buffer = {})
      : on_parameter_(std::move(on_parameter)), on_buffer_(std::move(on_buffer)) {}

  void operator()(std::string_view name, Parameter& parameter,
                  const Initializer& initializer) override {
    on_parameter_(formatted("{}{}", prefix_, name), parameter, initializer);
  }
  void operator()(std::string_view name, Tensor& buffer) override {
    if (on_buffer_) on_buffer_(formatted("{}{}", prefix_, name), buffer);
  }
  void operator()(std::string_view name, Module& child) override {
    const std::string outer = prefix_;
    prefix_ = formatted("{}{}.", outer, name);
    child.visit(*this);
    prefix_ = outer;
  }

 private:
  OnParameter on_parameter_;
  OnBuffer on_buffer_;
  std::string prefix_;
};

// New values for parameters and buffers: all of them, or none when one cannot be made.
class Values {
 public:
  void add(const Parameter& parameter, Tensor value) {
    parameters_.emplace_back(parameter, leaf(std::move(value)));
  }
  void add(Tensor& buffer, Tensor value) { buffers_.emplace_back(&buffer, std::move(value)); }
  void set() noexcept {
    for (auto& [parameter, value] : parameters_) parameter.set(std::move(value));
    for (auto& [buffer, value] : buffers_) *buffer = std::move(value);
  }

 private:
  std::vector<std::pair<Parameter, Var>> parameters_;
  std::vector<std::pair<Tensor*, Tensor>> buffers_;
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
  Walk walk([&](const std::string&, Parameter& parameter,
                const Initializer&) { values.add(parameter, parameter.value().value().to(dtype)); },
            [&](const std::string&, Tensor& buffer) { values.add(buffer, buffer.to(dtype)); });
  visit(walk);
  values.set();
}

StateDict Module::state() {
  StateDict state;
  Walk walk([&](const std::string& name, Parameter& parameter,
                const Initializer&) { state.tensors.emplace(name, parameter.value().value()); },
            [&](const std::string& name, Tensor& buffer) { state.tensors.emplace(name, buffer); });
  visit(walk);
  return state;
}

void Module::load(const StateDict& state) {
  Values values;
  std::vector<std::string> own;
  const auto given = [&](const std::string& name, const Tensor& now) {
    own.push_back(name);
    return required(state, name, now.shape(), "Module::load").to(now.dtype());
  };
  Walk walk(
      [&](const std::string& name, Parameter& parameter, const Initializer&) {
        values.add(parameter, given(name, parameter.value().value()));
      },
      [&](const std::string& name, Tensor& buffer) { values.add(buffer, given(name, buffer)); });
  visit(walk);
  for (const auto& [name, tensor] : state.tensors) {
    if (std::ranges::find(own, name) != own.end()) continue;
    fail<ConfigError>("Module::load: the model must have what the state has: no parameter '{}'",
                      name);
  }
  values.set();
}

}  // namespace taskgrad::nn
