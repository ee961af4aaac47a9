#include <taskgrad/core/fail.h>
#include <taskgrad/toy/config.h>
#include <taskgrad/toy/files.h>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace taskgrad::toy {
namespace {

std::string text_of(const std::string& path) {
  try {
    return read_file(path);
  } catch (const IoError& error) {
    throw ConfigError(error.what());
  }
}

/// What stands before the comment of a line. The reader of CLI11 takes any '#' for the start of
/// one, also within quotes, and knows no escapes.
std::string without_comment(const std::string& path, const std::string& line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && c == '#') return line.substr(0, i);
    if (quote == '"' && c == '\\') {
      fail<ConfigError>("{}: must have no \\ within double quotes: {:?} [single quotes keep it]",
                        path, line);
    }
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    }
  }
  if (quote != 0) fail<ConfigError>("{}: must close its quotes on each line: {:?}", path, line);
  return line;
}

/// A reader that leaves every '#' in place.
class Reader : public CLI::ConfigTOML {
 public:
  Reader() { comment('\n'); }
};

}  // namespace

std::vector<Setting> read_config(const std::string& path) {
  std::istringstream lines(text_of(path));
  std::stringstream text;
  for (std::string line; std::getline(lines, line);) text << without_comment(path, line) << '\n';
  std::vector<Setting> settings;
  for (const CLI::ConfigItem& item : Reader().from_config(text)) {
    const bool section = item.name == "++";  // how the reader says that one begins
    const std::string name =
        section ? fmt::format("[{}]", fmt::join(item.parents, ".")) : item.fullname();
    if (std::any_of(settings.begin(), settings.end(),
                    [&](const Setting& before) { return before.name == name; })) {
      fail<ConfigError>("{}: must set each name once: {:?}", path, name);
    }
    settings.push_back({name, item.inputs});
  }
  return settings;
}

}  // namespace taskgrad::toy
