#include <taskgrad/core/scope.h>

namespace taskgrad {
namespace {

constinit thread_local const NameScope* innermost = nullptr;

}  // namespace

NameScope::NameScope(std::string_view name) noexcept : name_(name), outer_(innermost) {
  innermost = this;
}
NameScope::~NameScope() { innermost = outer_; }

std::string NameScope::path() {
  std::string path;
  for (const NameScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    const std::string_view dot = path.empty() ? "" : ".";
    path.insert(0, std::string(scope->name_).append(dot));
  }
  return path;
}

std::string internal::with_scope(std::string text) {
  const NameScope* const all = innermost;
  if (all != nullptr && text.starts_with(std::string(all->name_) + ":")) innermost = all->outer_;
  const std::string path = NameScope::path();
  innermost = all;
  return path.empty() ? text : path + " / " + text;
}

}  // namespace taskgrad
