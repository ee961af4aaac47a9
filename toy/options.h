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
  std::function<std::vector<Figure>(Results)> figures = {};
  int threads = 1;
  int jobs = 0;                       ///< runs at the same time; 0 for as many as threads
  std::int64_t checkpoint_every = 0;  ///< steps; 0 for a twentieth of a run
  std::string out = {};               ///< directory of the study; empty for none
  bool resume = false;                ///< go on with the study that is there
  std::string config = {};  ///< the options that the results depend on, as TOML for --config
  bool json = false;
  bool quiet = false;
  bool check = false;  ///< fail unless gradnorm ends below equal weights
  /// What --help, --version or --print-config asked for: to be printed instead of running.
  std::string answer = {};
};

/// Reads the file of --config, or that of the study to resume, as well. Throws ConfigError, a text
/// of one line that names the option, what is allowed and what was given.
Options parse(int argc, const char* const* argv);

}  // namespace taskgrad::toy
