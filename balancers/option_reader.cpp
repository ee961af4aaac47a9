#include <taskgrad/balancers/option_reader.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace taskgrad {

OptionReader& OptionReader::operator()(const std::string& name, double& field) {
  if (const std::string* text = find(name)) field = parse(name, *text);
  return *this;
}

OptionReader& OptionReader::operator()(const std::string& name, int& field) {
  const std::string* text = find(name);
  if (text == nullptr) return *this;
  const std::int64_t value = parse_whole(name, *text);
  if (value > std::numeric_limits<int>::max()) {
    fail<ConfigError>("make_balancer: {} of '{}' is at most {}: '{}'", name, method_,
                      std::numeric_limits<int>::max(), *text);
  }
  field = static_cast<int>(value);
  return *this;
}

OptionReader& OptionReader::operator()(const std::string& name, std::uint64_t& field) {
  if (const std::string* text = find(name)) {
    field = static_cast<std::uint64_t>(parse_whole(name, *text));
  }
  return *this;
}

OptionReader& OptionReader::operator()(const std::string& name, Vec& field) {
  const std::string* text = find(name);
  if (text == nullptr) return *this;
  std::vector<double> values;
  for (std::size_t start = 0; start <= text->size();) {
    const std::size_t stop = std::min(text->find(',', start), text->size());
    values.push_back(parse(name, text->substr(start, stop - start)));
    start = stop + 1;
  }
  field = Vec(std::span<const double>(values));
  return *this;
}

OptionReader& OptionReader::operator()(const std::string& name, std::string& field) {
  if (const std::string* text = find(name)) field = *text;
  return *this;
}

void OptionReader::finish() const {
  for (const auto& [name, text] : options_) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    fail<ConfigError>("make_balancer: '{}' has the options [{}]: '{}'", method_,
                      joined_words(known_), name);
  }
}

const std::string* OptionReader::find(const std::string& name) {
  known_.push_back(name);
  const auto found = options_.find(name);
  return found == options_.end() ? nullptr : &found->second;
}

double OptionReader::parse(const std::string& name, const std::string& text) const {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) {
    fail<ConfigError>("make_balancer: {} of '{}' is a number: '{}'", name, method_, text);
  }
  return value;
}

std::int64_t OptionReader::parse_whole(const std::string& name, const std::string& text) const {
  std::int64_t value = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) {
    fail<ConfigError>("make_balancer: {} of '{}' is a whole number from 0: '{}'", name, method_,
                      text);
  }
  return value;
}

void OptionReader::refuse_choice(const std::string& name,
                                 const std::vector<std::string_view>& valid,
                                 const std::string& text) const {
  fail<ConfigError>("make_balancer: {} of '{}' is one of {}: '{}'", name, method_,
                    joined_words(valid), text);
}

}  // namespace taskgrad
