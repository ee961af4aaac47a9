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
  std::span<const RunOptions> runs = {};  ///< as they were asked for
  std::string config = {};                ///< the options as TOML, that repeat it; empty for none
  std::string text = {};                  ///< the study's own conclusions; empty for none
  std::vector<Figure> figures = {};       ///< the study's own
  bool interrupted = false;
};

Page study_page(std::span<const RunResult> results, const StudyFacts& facts);

/// The options that the results depend on, by name; several values where the runs differ.
Facts option_facts(std::span<const RunOptions> runs);

}  // namespace taskgrad::toy
