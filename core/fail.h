// Throwing with a formatted text, for `.cpp` files of this library.
#pragma once

#include <taskgrad/core/error.h>
#include <taskgrad/core/scope.h>
#include <taskgrad/core/text.h>

namespace taskgrad {
namespace internal {
/// The text with its arguments, within the scope.
std::string failure(fmt::string_view text, fmt::format_args arguments);
}  // namespace internal

/// Throws E with the formatted text; out of line and cold, so that checks cost their compare only.
template <class E, class... Args>
[[noreturn, gnu::cold, gnu::noinline]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw E(internal::failure(text, fmt::make_format_args(args...)));
}

}  // namespace taskgrad
