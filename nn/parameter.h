// A trainable tensor.
#pragma once

#include <taskgrad/autograd/var.h>
#include <taskgrad/core/memory.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace taskgrad::nn {

/// A handle to one trainable tensor: copies refer to the same one, so optimizers and gradients can
/// name a parameter without pointers into a model. A value that anybody else holds is replaced,
/// never changed: a graph built before an optimizer step still has the old one.
class Parameter {
 public:
  /// Zeros of the given shape until a model is initialised.
  explicit Parameter(const Shape& shape, DType dtype = DType::f32);

  /// The leaf that graphs are built from; another after every set().
  const Var& value() const { return *value_; }
  const Shape& shape() const { return value_->shape(); }
  /// Throws ShapeError when the shape would change.
  void set(Tensor value);
  /// The same with a leaf made before; it must have the shape (asserted). What changes several
  /// parameters makes all leaves first, which may run out of memory, and then sets them.
  void set(Var leaf) noexcept;

  friend bool operator==(const Parameter& a, const Parameter& b) { return a.value_ == b.value_; }

 private:
  friend class Substitution;
  std::shared_ptr<Var> value_;
};

/// "trunk.0.weight" and its parameter.
struct NamedParameter {
  std::string name;
  Parameter parameter;
};

/// While it lives, graphs are built from the given values in place of the parameters' own: a model
/// is a function of them, and derivatives pass through values that were computed. Restores the
/// leaves that were there before. The parameters must not be set() meanwhile.
class Substitution {
 public:
  /// Throws ConfigError unless there is one value a parameter, ShapeError for one unlike its
  /// parameter, before anything changes.
  Substitution(std::span<const NamedParameter> parameters, std::span<const Var> values);
  ~Substitution();
  Substitution(const Substitution&) = delete;
  Substitution& operator=(const Substitution&) = delete;

 private:
  std::span<const NamedParameter> parameters_;
  List<Var> before_;
};

/// One gradient for one parameter, of its shape and dtype.
struct Gradient {
  Parameter parameter;
  Tensor value;
};

/// Gradients in the order of a model's parameters.
using Gradients = List<Gradient>;

}  // namespace taskgrad::nn
