// Contests: the same training step by several entrants.
#pragma once

#include "trainer.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

struct Entrant {
  std::string name;
  std::function<std::unique_ptr<Trainer>()> make;
};

/// The others are compared with the first.
struct Contest {
  std::string name;
  std::vector<Entrant> entrants;
};

/// What main() does with them, as the options say (program.h). A contest is checked before any of
/// its entrants is timed: after a few steps losses, weights of tasks and every parameter's movement
/// must agree, so that nobody can be fast by leaving work out.
int run_contests(int argc, char** argv, const std::vector<Contest>& contests);

}  // namespace bench
