#include <taskgrad/core/scope.h>

namespace taskgrad {
namespace {

constinit thread_local const Scope* innermost = nullptr;

}  // namespace

Scope::Scope(std::string_view name) noexcept : name_(name), outer_(innermost) { innermost = this; }
Scope::~Scope() { innermost = outer_; }

std::string Scope::path() {
  std::string path;
  for (const Scope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    const std::string_view dot = path.empty() ? "" : ".";
    path.insert(0, std::string(scope->name_).append(dot));
  }
  return path;
}

std::string internal::scope_prefix() {
  std::string path = Scope::path();
  return path.empty() ? path : path + " / ";
}

}  // namespace taskgrad
