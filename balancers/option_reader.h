// OptionReader: options of a method by name, as text, into the fields of its options struct.
#pragma once

#include <taskgrad/balancers/balancer.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgrad {

/// Each call names an option and the field that it goes to, which holds the default. finish()
/// throws ConfigError for options that no call named.
class OptionReader {
 public:
  OptionReader(std::string_view method, const BalancerOptions& options)
      : method_(method), options_(options) {}

  /// A number, a whole number, a seed, numbers with commas between, or a text.
  OptionReader& operator()(const std::string& name, double& field);
  OptionReader& operator()(const std::string& name, int& field);
  OptionReader& operator()(const std::string& name, std::uint64_t& field);
  OptionReader& operator()(const std::string& name, Vec& field);
  OptionReader& operator()(const std::string& name, std::string& field);

  /// One of several words.
  template <class E>
  OptionReader& operator()(const std::string& name, E& field,
                           const std::vector<std::pair<std::string_view, E>>& choices) {
    const std::string* text = find(name);
    if (text == nullptr) return *this;
    std::vector<std::string_view> valid;
    for (const auto& [word, value] : choices) {
      valid.push_back(word);
      if (word != *text) continue;
      field = value;
      return *this;
    }
    refuse_choice(name, valid, *text);
  }

  void finish() const;

 private:
  const std::string* find(const std::string& name);
  double parse(const std::string& name, const std::string& text) const;
  std::int64_t parse_whole(const std::string& name, const std::string& text) const;
  [[noreturn]] void refuse_choice(const std::string& name,
                                  const std::vector<std::string_view>& valid,
                                  const std::string& text) const;

  std::string_view method_;
  const BalancerOptions& options_;
  std::vector<std::string> known_;
};

}  // namespace taskgrad
