// The command line of toy_regression, as the list of runs it asks for.
#pragma once

#include <taskgrad/toy/studies.h>

#include <cstdint>
#include <string>
#include <vector>

namespace taskgrad::toy {

inline constexpr std::int64_t kStudySteps = 4000;
inline constexpr std::int64_t kTrainSteps = 2000;

struct Options {
  std::string command = "figure2";
  std::vector<RunOptions> runs = {};  ///< by panel (set of sigmas), in it by method, in it by seed
  std::function<std::vector<RunOptions>(Results)> further = {};  ///< as in Plan
  std::function<std::string(Results)> findings = {};
  int threads = 1;
  std::string out = {};     ///< directory of metrics.jsonl and the report; empty for none
  std::string repeat = {};  ///< the command that repeats the results
  bool json = false;
  bool quiet = false;
  bool check = false;  ///< fail unless gradnorm ends below equal weights
  std::string answer =
      {};  ///< what --help or --version asked for: to be printed instead of running
};

/// Throws ConfigError, a text of one line that names the option, what is allowed and what was
/// given.
Options parse(int argc, const char* const* argv);

}  // namespace taskgrad::toy
