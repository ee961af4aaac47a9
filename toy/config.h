// Options in a TOML file: `name = value` on a line, the name of an option without its dashes. Of
// TOML's texts those without escapes are read, on one line, in double or single quotes.
#pragma once

#include <string>
#include <vector>

namespace taskgrad::toy {

struct Setting {
  std::string name;                ///< "steps"; "section.name" in a section, itself "[section]"
  std::vector<std::string> texts;  ///< several for a list
};

/// What a file sets, in its order. Throws ConfigError naming the file when it cannot be read, sets
/// a name twice or has quotes that are not closed or not plain.
std::vector<Setting> read_config(const std::string& path);

}  // namespace taskgrad::toy
