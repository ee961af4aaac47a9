// What options toy_regression has, and those that results depend on as a file.
#pragma once

#include <taskgrad/toy/arguments.h>

#include <span>
#include <string>
#include <string_view>

namespace taskgrad::toy {

struct Spec {
  std::string group, name, value, help;  // a flag has no value
};

/// In the order of --help. Help texts with {} await the steps of train and of other studies.
std::span<const Spec> specs();

/// Whether results depend on an option.
bool is_of_study(const Spec& spec);

/// The options in force that results depend on, as a file for --config.
std::string config_of(const Arguments& given, std::string_view command);

/// Adds what a file says, "command" and "version" included, to what was not given. Throws
/// ConfigError naming the file and what it sets that is no option.
void add_file(const std::string& path, Arguments& given);

}  // namespace taskgrad::toy
