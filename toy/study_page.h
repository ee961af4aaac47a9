// The page of a study: what was run, what came out, what to make of it, and the figures.
#pragma once

#include <taskgrad/toy/page.h>
#include <taskgrad/toy/panels.h>

#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

/// What a page says of its study beside the results.
struct StudyFacts {
  std::string command = {};               ///< that repeats it
  std::span<const RunOptions> runs = {};  ///< as they were asked for
  std::string text = {};                  ///< the study's own conclusions; empty for none
  bool interrupted = false;
};

Page study_page(std::span<const RunResult> results, const StudyFacts& facts);

/// The options that the results depend on, by name; several values where the runs differ.
Facts option_facts(std::span<const RunOptions> runs);

/// The words of a command line that repeats its results: without those that say where output goes
/// and how many threads there are, the program by its name alone, quoted for a shell.
std::string repeat_command(int argc, const char* const* argv);

}  // namespace taskgrad::toy
