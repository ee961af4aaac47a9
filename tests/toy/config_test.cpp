#include <taskgrad/core/error.h>
#include <taskgrad/toy/config.h>
#include <taskgrad/toy/files.h>

#include <doctest/doctest.h>

#include "disk.h"

namespace taskgrad::toy {
namespace {

using test::TemporaryDirectory;

std::string error_of(const std::string& path) {
  try {
    read_config(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("read_config: names with texts, lists and comments") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "a.toml";
  replace_file(path,
               "# a comment\n\nsteps = 5  # another\nlr=1e-05\nloss = \"sum\"\n"
               "sigmas = [1, 2.5,\n  3]\nbalancer = [\"equal\", \"gradnorm\"]\n");
  const std::vector<Setting> settings = read_config(path);
  REQUIRE(settings.size() == 5);
  CHECK(settings[0].name == "steps");
  CHECK(settings[0].texts == std::vector<std::string>{"5"});
  CHECK(settings[1].texts == std::vector<std::string>{"1e-05"});
  CHECK(settings[2].texts == std::vector<std::string>{"sum"});
  CHECK(settings[3].texts == std::vector<std::string>{"1", "2.5", "3"});
  CHECK(settings[4].texts == std::vector<std::string>{"equal", "gradnorm"});
}

TEST_CASE("read_config: a # within quotes belongs to the text") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "a.toml";
  replace_file(path,
               "out = \"run #1\"  # the first\nconfig = 'a\\b #2'# the second\n"
               "balancer = [\"#3\", # one \"more\n  'it\"s #4']  # don't\n#5 = 6\nsteps = 7#8\n");
  const std::vector<Setting> settings = read_config(path);
  REQUIRE(settings.size() == 4);
  CHECK(settings[0].texts == std::vector<std::string>{"run #1"});
  CHECK(settings[1].texts == std::vector<std::string>{"a\\b #2"});
  CHECK(settings[2].texts == std::vector<std::string>{"#3", "it\"s #4"});
  CHECK(settings[3].texts == std::vector<std::string>{"7"});
}

TEST_CASE("read_config: quotes are closed where they begin, and have no escapes") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "a.toml";
  replace_file(path, "steps = 5\nout = \"run #1\n");
  CHECK(error_of(path) == path + ": must close its quotes on each line: \"out = \\\"run #1\"");
  replace_file(path, "out = \"a\\tb\"\n");
  CHECK(error_of(path) == path +
                              ": must have no \\ within double quotes: \"out = \\\"a\\\\tb\\\"\" "
                              "[single quotes keep it]");
}

TEST_CASE("read_config: sections have a name, and a name stands once") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "a.toml";
  replace_file(path, "[train]\nsteps = 5\n");
  REQUIRE(read_config(path).size() >= 1);
  CHECK(read_config(path)[0].name == "[train]");
  replace_file(path, "steps = 5\nseed = 1\nsteps = 6\n");
  CHECK(error_of(path) == path + ": must set each name once: \"steps\"");
}

TEST_CASE("read_config: a file that cannot be read is a mistake of the options") {
  const TemporaryDirectory temporary;
  CHECK(error_of(temporary / "none") ==
        temporary / "none" + ": could not be read: No such file or directory");
  CHECK(error_of(temporary / "") == temporary / "" + ": could not be read: Is a directory");
}

}  // namespace
}  // namespace taskgrad::toy
