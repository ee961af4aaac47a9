// Throwing with a formatted text, for `.cpp` files of this library (fmt stays out of public
// headers).
#pragma once

#include <taskgrad/core/dtype.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/scope.h>
#include <taskgrad/core/shape.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

template <>
struct fmt::formatter<taskgrad::Shape> : fmt::formatter<std::string> {
  auto format(const taskgrad::Shape& shape, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(taskgrad::to_string(shape), context);
  }
};

template <>
struct fmt::formatter<taskgrad::DType> : fmt::formatter<std::string_view> {
  auto format(taskgrad::DType dtype, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(taskgrad::name(dtype), context);
  }
};

namespace taskgrad {
namespace internal {
/// The text with its arguments, within the scope. Made in one source: what fmt needs for it takes
/// longer to compile than most sources of this library.
std::string failure(fmt::string_view text, fmt::format_args arguments);
}  // namespace internal

/// Throws E with the formatted text; out of line and cold, so that checks cost their compare only.
template <class E, class... Args>
[[noreturn, gnu::cold, gnu::noinline]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw E(internal::failure(text, fmt::make_format_args(args...)));
}

}  // namespace taskgrad
