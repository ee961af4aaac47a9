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

}  // namespace

std::vector<Setting> read_config(const std::string& path) {
  std::istringstream text(text_of(path));
  std::vector<Setting> settings;
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(text)) {
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
