#include <taskgrad/core/text.h>

#include <fmt/format.h>

#include <iterator>

fmt::appender fmt::formatter<taskgrad::Shape>::format(const taskgrad::Shape& shape,
                                                      fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", taskgrad::to_string(shape));
}

fmt::appender fmt::formatter<taskgrad::DType>::format(taskgrad::DType dtype,
                                                      fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", taskgrad::name(dtype));
}

namespace taskgrad {
namespace internal {

std::string formatted(fmt::string_view text, fmt::format_args arguments) {
  return fmt::vformat(text, arguments);
}

}  // namespace internal

namespace {

template <class T>
std::string joined(std::span<const T> numbers, fmt::string_view form) {
  fmt::memory_buffer all;
  for (const T& number : numbers) {
    if (all.size() > 0) all.append(std::string_view(", "));
    fmt::vformat_to(std::back_inserter(all), form, fmt::make_format_args(number));
  }
  return fmt::to_string(all);
}

}  // namespace

std::string joined_numbers(std::span<const double> numbers, fmt::string_view form) {
  return joined(numbers, form);
}

std::string joined_numbers(std::span<const std::int64_t> numbers) { return joined(numbers, "{}"); }

std::string joined_numbers(std::span<const std::uint64_t> numbers) { return joined(numbers, "{}"); }

}  // namespace taskgrad
