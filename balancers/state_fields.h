// StateFields: what a balancer holds, named once, for saving and for loading.
#pragma once

#include <taskgrad/balancers/vec.h>
#include <taskgrad/balancers/vec_adam.h>
#include <taskgrad/core/state_dict.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace taskgrad {

/// A visitor over the members of a balancer that a continued run needs: each call names one.
/// Saves them into a dictionary, checks that a dictionary fits, or loads them from it; load() of a
/// balancer checks all of them before it loads any.
class StateFields {
 public:
  enum class Mode { save, check, load };
  StateFields(Mode mode, std::string_view where, StateDict& state)
      : mode_(mode), where_(where), state_(state) {}

  /// All throw ConfigError for a missing entry, ShapeError for one of another shape, NumericError
  /// for one that is not finite.
  void operator()(const std::string& name, Vec& values);
  void operator()(const std::string& name, Matrix& values);
  void operator()(const std::string& name, std::int64_t& count);
  void operator()(const std::string& prefix, VecAdam& adam);
  /// Members that are there only after the first step: `size` numbers or none, `rows` rows or none.
  void optional(const std::string& name, Vec& values, int size);
  void optional(const std::string& name, Tensor& values, int rows);

  /// Names that were called, to find what a dictionary has beyond them.
  const List<std::string>& names() const { return names_; }

 private:
  const Tensor& find(const std::string& name, const Shape& shape);

  Mode mode_;
  std::string_view where_;
  StateDict& state_;
  List<std::string> names_;
};

}  // namespace taskgrad
