// Where in a model the computation is: the names that errors and observers put in front.
#pragma once

#include <string>
#include <string_view>

namespace taskgrad {

/// Names a part of a model while it lives, on this thread: within Scope("trunk") and Scope("2") the
/// path is "trunk.2". The name must outlive it. Costs two words; nothing is copied.
class Scope {
 public:
  explicit Scope(std::string_view name) noexcept;
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// The names of the scopes that are open, joined by dots; empty outside of all.
  static std::string path();

 private:
  std::string_view name_;
  const Scope* outer_;
};

namespace internal {
std::string scope_prefix();  // "trunk.2 / ", or nothing
}  // namespace internal

}  // namespace taskgrad
