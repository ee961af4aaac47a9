#include "contest.h"

#include <taskgrad/core/memory.h>

#include <fmt/format.h>

#include "program.h"
#include <benchmark/benchmark.h>
#include <chrono>
#include <fstream>
#include <malloc.h>
#include <set>

namespace bench {
namespace {

constexpr int kCheckedSteps = 5;
// Rounding in f32, with some room. Movements are less exact: Adam divides small gradients by their
// size.
constexpr double kLossTolerance = 1e-5;
constexpr double kWeightTolerance = 5e-5;
constexpr double kMoveTolerance = 0.02;

using Clock = std::chrono::steady_clock;

std::vector<std::vector<double>> moves(const Parameters& from, const Parameters& to) {
  std::vector<std::vector<double>> all(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t k = 0; k < from[i].size(); ++k) all[i].push_back(to[i][k] - from[i][k]);
  }
  return all;
}

struct Outcome {
  std::vector<double> losses, weights;
  std::vector<std::vector<double>> moves;
};

Outcome outcome_of(const Entrant& entrant) {
  const auto trainer = entrant.make();
  const Parameters start = trainer->parameters();
  for (int i = 0; i < kCheckedSteps; ++i) trainer->step();
  return {trainer->losses(), trainer->weights(), moves(start, trainer->parameters())};
}

void check(const Contest& contest) {
  const Outcome expected = outcome_of(contest.entrants.front());
  for (const Entrant& entrant : contest.entrants) {
    const std::string name = contest.name + "/" + entrant.name;
    const Outcome found = outcome_of(entrant);
    require_close(name + ", losses", expected.losses, found.losses, kLossTolerance);
    require_close(name + ", weights", expected.weights, found.weights, kWeightTolerance);
    for (std::size_t i = 0; i < expected.moves.size(); ++i) {
      require_close(fmt::format("{}, movement of parameter {}", name, i), expected.moves[i],
                    found.moves.at(i), kMoveTolerance);
    }
  }
}

// Until memory is at hand.
void warm_up(Trainer& trainer) {
  const auto start = Clock::now();
  for (int i = 0; i < 3 || Clock::now() - start < std::chrono::milliseconds(20); ++i) {
    trainer.step();
  }
}

// Every repetition trains from the start: a network that was trained for long has numbers that are
// slow to compute with (denormal moments of units that died).
void time_steps(benchmark::State& state, const Contest& contest, const Entrant& entrant) {
  static std::set<std::string> checked;
  if (checked.insert(contest.name).second) check(contest);
  const auto trainer = entrant.make();
  warm_up(*trainer);
  settle([&] { trainer->step(); });
  for (auto _ : state) trainer->step();
}

std::int64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::int64_t kilobytes = 0;
  while (status >> word) {
    if (word == key + ":" && status >> kilobytes) return kilobytes << 10;
  }
  return 0;
}

void train_for_a_moment(const Entrant& entrant) {
  const auto trainer = entrant.make();
  for (int i = 0; i < 3; ++i) trainer->step();
}

// What training adds to this process at its peak, as the system sees it and as the pool does. Code
// and tables that are loaded on first use came in with a run before.
void print_memory(const Entrant& entrant) {
  train_for_a_moment(entrant);
  taskgrad::memory::trim();
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM starts anew
  const std::int64_t before = status_bytes("VmRSS");
  const std::int64_t pool_before = taskgrad::memory::stats().bytes_in_use;
  taskgrad::memory::reset_peak();
  train_for_a_moment(entrant);
  fmt::print("{{\"resident\": {}, \"pool\": {}}}\n", status_bytes("VmHWM") - before,
             taskgrad::memory::stats().peak_bytes - pool_before);
}

}  // namespace

int run_contests(int argc, char** argv, const std::vector<Contest>& contests) {
  const Options options = start(argc, argv);
  for (const Contest& contest : contests) {
    if (options.check) check(contest);
    for (const Entrant& entrant : contest.entrants) {
      const std::string name = contest.name + "/" + entrant.name;
      if (name == options.memory) print_memory(entrant);
      benchmark::RegisterBenchmark(name.c_str(), [&](benchmark::State& state) {
        time_steps(state, contest, entrant);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  if (!options.check && options.memory.empty()) benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace bench
