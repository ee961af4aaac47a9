// Typed values of a command line, each with the error that names it. Texts are
// `--option: must be (what is allowed): "what was given"`, on one line whatever was given.
#pragma once

#include <taskgrad/core/error.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgrad::toy {

/// Throws ConfigError.
[[noreturn]] void reject(std::string_view name, std::string_view allowed, std::string_view value);

/// The texts that were given for each option. All readers throw ConfigError.
class Arguments {
 public:
  void add(const std::string& name, std::vector<std::string> texts) {
    texts_[name] = std::move(texts);
  }

  /// The value in force of an option, as TOML: what was read last, given or not.
  std::optional<std::string> in_force(std::string_view name) const;
  void note(std::string_view name, std::string toml) const {
    in_force_.insert_or_assign(std::string(name), std::move(toml));
  }

  /// Every text given for an option that may be repeated.
  std::vector<std::string> all(std::string_view name) const;
  /// The text of an option that may be given once.
  std::optional<std::string> text(std::string_view name) const;

  std::int64_t whole(std::string_view name, std::int64_t fallback, std::int64_t least,
                     std::int64_t most) const;
  double positive(std::string_view name, double fallback) const;
  /// A finite number in [low, high).
  double number(std::string_view name, double fallback, double low, double high,
                std::string_view allowed) const;
  /// Finite numbers with commas between.
  std::vector<double> numbers(std::string_view name, std::vector<double> fallback) const;
  /// Positive numbers with commas between; none if the option was not given.
  std::vector<double> positives(std::string_view name) const;

  template <class T>
  T choice(std::string_view name, T fallback,
           std::initializer_list<std::pair<std::string_view, T>> allowed) const {
    const std::optional<std::string> given = text(name);
    std::string words;
    for (const auto& [word, value] : allowed) {
      if (given ? word == *given : value == fallback) {
        note(name, '"' + std::string(word) + '"');
        return value;
      }
      words.append(words.empty() ? "one of " : ", ").append(word);
    }
    if (!given) return fallback;
    reject(name, words, *given);
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> texts_;
  mutable std::map<std::string, std::string, std::less<>> in_force_;  // what reading found
};

}  // namespace taskgrad::toy
