// Module: something with named parameters. A module defines `visit`; all else follows from it.
#pragma once

#include <taskgrad/core/rng.h>
#include <taskgrad/core/state_dict.h>
#include <taskgrad/nn/init.h>
#include <taskgrad/nn/parameter.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace taskgrad::nn {

class Module;

/// Walks a module's parameters, buffers and children, each under its name.
class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void operator()(std::string_view name, Parameter& parameter,
                          const Initializer& initializer) = 0;
  /// State that is saved with the parameters but not trained, such as running statistics.
  virtual void operator()(std::string_view name, Tensor& buffer) = 0;
  virtual void operator()(std::string_view name, Module& child) = 0;
};

/// Modules are moved, not copied; a copy would share its parameters.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;

  /// Calls `visitor(name, ...)` for every parameter, buffer and child, always in the same order.
  virtual void visit(Visitor& visitor) = 0;

  /// Parameters by full name ("trunk.0.weight"), in the order of visits.
  std::vector<NamedParameter> parameters();
  /// Number of trainable elements.
  std::int64_t count();
  /// Fills every parameter from `rng.stream(full name)`: adding a layer changes no other.
  void init(const Rng& rng);
  /// Converts every parameter and buffer.
  void to(DType dtype);
  /// Parameters and buffers by full name.
  StateDict state();
  /// Throws ConfigError for a name that is missing or unknown, ShapeError for another shape, before
  /// anything is changed.
  void load(const StateDict& state);
};

/// A module that maps one value to another.
class Layer : public Module {
 public:
  virtual Var operator()(const Var& x) const = 0;
};

}  // namespace taskgrad::nn
