// Where in a model the computation is: the names that errors and observers put in front.
#pragma once

#include <string>
#include <string_view>

namespace taskgrad {

namespace internal {
std::string with_scope(std::string text);
}

/// Names a part of a model while it lives, on this thread: within NameScope("trunk") and
/// NameScope("2") the path is "trunk.2". The name must outlive it. Costs two words; nothing is
/// copied.
class NameScope {
 public:
  explicit NameScope(std::string_view name) noexcept;
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

  /// The names of the scopes that are open, joined by dots; empty outside of all.
  static std::string path();

 private:
  friend std::string internal::with_scope(std::string text);
  std::string_view name_;
  const NameScope* outer_;
};

namespace internal {
/// The text behind the path: "trunk.2 / linear: ..."; a scope that the text begins with anyway is
/// left out.
std::string with_scope(std::string text);
}  // namespace internal

}  // namespace taskgrad
