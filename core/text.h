// Formatted text, for the `.cpp` files of this library; fmt stays out of public headers. What fmt
// needs for it is compiled in one source: it takes longer than most of the others.
#pragma once

#include <taskgrad/core/dtype.h>
#include <taskgrad/core/shape.h>

#include <fmt/core.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>

template <>
struct fmt::formatter<taskgrad::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(const taskgrad::Shape& shape, fmt::format_context& context) const;
};

template <>
struct fmt::formatter<taskgrad::DType> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(taskgrad::DType dtype, fmt::format_context& context) const;
};

namespace taskgrad {
namespace internal {
std::string formatted(fmt::string_view text, fmt::format_args arguments);
}  // namespace internal

/// As fmt::format.
template <class... Args>
std::string formatted(fmt::format_string<Args...> text, Args&&... args) {
  return internal::formatted(text, fmt::make_format_args(args...));
}

/// With ", " between them, each in the given form.
std::string joined_numbers(std::span<const double> numbers, fmt::string_view form = "{}");
std::string joined_numbers(std::span<const std::int64_t> numbers);
std::string joined_numbers(std::span<const std::uint64_t> numbers);
template <class Words>
std::string joined_words(const Words& words) {
  std::string all;
  bool first = true;
  for (const auto& word : words) {
    if (!std::exchange(first, false)) all += ", ";
    all += word;
  }
  return all;
}

}  // namespace taskgrad
