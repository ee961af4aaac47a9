// Command lines to read, and files of options.
#pragma once

#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/options.h>

#include "disk.h"
#include <string>
#include <utility>
#include <vector>

namespace taskgrad::test {

inline toy::Options parse_words(std::vector<const char*> words) {
  words.insert(words.begin(), "toy_regression");
  return toy::parse(static_cast<int>(words.size()), words.data());
}

inline std::string error_of(std::vector<const char*> words) {
  try {
    parse_words(std::move(words));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

/// A file of options, gone at the end.
class OptionsFile {
 public:
  explicit OptionsFile(const std::string& text) { toy::replace_file(path, text); }
  std::string path_to(const char* name) const { return directory_ / name; }

 private:
  TemporaryDirectory directory_;

 public:
  const std::string path = directory_ / "study.toml";
};

}  // namespace taskgrad::test
