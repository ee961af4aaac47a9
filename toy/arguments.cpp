#include <taskgrad/core/fail.h>
#include <taskgrad/toy/arguments.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace taskgrad::toy {
namespace {

template <class T>
std::optional<T> to_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_positive(double value) { return value > 0 && std::isfinite(value); }

std::vector<double> list_of(std::string_view name, std::string_view allowed,
                            const std::string& text, bool (*is_allowed)(double)) {
  std::vector<double> values;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const auto value = to_number<double>(std::string_view(text).substr(start, end - start));
    if (!value || !is_allowed(*value)) reject(name, allowed, text);
    values.push_back(*value);
    start = end + 1;
  }
  return values;
}

}  // namespace

void reject(std::string_view name, std::string_view allowed, std::string_view value) {
  fail<ConfigError>("{}: must be {}: {:?}", name, allowed, value);
}

std::optional<std::string> Arguments::in_force(std::string_view name) const {
  const auto found = in_force_.find(name);
  if (found == in_force_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? std::vector<std::string>() : found->second;
}

std::optional<std::string> Arguments::text(std::string_view name) const {
  const std::vector<std::string> texts = all(name);
  if (texts.empty()) return std::nullopt;
  if (texts.size() > 1) reject(name, "given once", fmt::format("{}", fmt::join(texts, ", ")));
  return texts[0];
}

std::int64_t Arguments::whole(std::string_view name, std::int64_t fallback, std::int64_t least,
                              std::int64_t most) const {
  const auto given = text(name);
  const auto value = given ? to_number<std::int64_t>(*given) : fallback;
  if (!given || (value && *value >= least && *value <= most)) {
    note(name, fmt::format("{}", *value));
    return *value;
  }
  reject(name, fmt::format("a whole number from {} to {}", least, most), *given);
}

double Arguments::positive(std::string_view name, double fallback) const {
  const auto given = text(name);
  const auto value = given ? to_number<double>(*given) : fallback;
  if (!given || (value && is_positive(*value))) {
    note(name, fmt::format("{}", *value));
    return *value;
  }
  reject(name, "a number above 0", *given);
}

double Arguments::number(std::string_view name, double fallback, double low, double high,
                         std::string_view allowed) const {
  const auto given = text(name);
  const auto value = given ? to_number<double>(*given) : fallback;
  if (!given || (value && std::isfinite(*value) && *value >= low && *value < high)) {
    note(name, fmt::format("{}", *value));
    return *value;
  }
  reject(name, allowed, *given);
}

std::vector<double> Arguments::numbers(std::string_view name, std::vector<double> fallback) const {
  const auto given = text(name);
  const std::vector<double> values =
      given ? list_of(name, "finite numbers with commas between, such as 0,0.5", *given,
                      [](double value) { return std::isfinite(value); })
            : std::move(fallback);
  note(name, fmt::format("[{}]", fmt::join(values, ", ")));
  return values;
}

std::vector<double> Arguments::positives(std::string_view name) const {
  const auto given = text(name);
  if (!given) return {};
  return list_of(name, "numbers above 0 with commas between, such as 1,100", *given, is_positive);
}

}  // namespace taskgrad::toy
