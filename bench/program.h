// What the benchmark programs have in common: their options, threads, and how they compare results
// before they time anything.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace bench {

struct Options {
  int threads = 1;     ///< --threads=N: of every entrant that can use several
  bool check = false;  ///< --check: compare the entrants and time nothing
  std::string memory;  ///< --memory=CONTEST/ENTRANT: print the peak memory of its step
};

/// Takes these options and those of Google Benchmark out of the arguments, sets the threads of
/// taskgrad, OpenMP, libtorch and OpenBLAS, and has the versions written beside the results. Ends
/// the program for an argument that nobody knows.
Options start(int argc, char** argv);

/// Ends the program with a message when an entrant does not compute what the others do: the length
/// of the difference may be `tolerance` times that of the expected values.
void require_close(const std::string& what, std::span<const double> expected,
                   std::span<const double> found, double tolerance);

/// Before a repetition is timed: runs for as long as threads of others may wait awake (OpenBLAS's
/// do for 2^26 ticks), and then has taskgrad measure anew what it takes to wake its own. Once is
/// enough for one thread.
void settle(const std::function<void()>& run);

/// One way to do a piece of work.
struct Way {
  std::string name;
  std::function<void()> run;
  std::function<std::vector<double>()> result;  ///< what run() computed
};

/// Compares the results of all ways with that of the first, and registers each as `work`/`name`
/// with the rate at which it does `amount` units, under the name of the unit.
void add_work(const std::string& work, std::vector<Way> ways, double amount,
              const std::string& unit, double tolerance);
/// Times what was added, unless the options say to check only.
void run_work(const Options& options);

}  // namespace bench
