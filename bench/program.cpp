#include "program.h"

#include <taskgrad/core/parallel.h>

#include <fmt/format.h>

#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_steps.h"
#endif
#if defined(TASKGRAD_BENCH_OPENBLAS) || defined(TASKGRAD_BENCH_ONEDNN)
#include "gemm_entrants.h"
#endif

namespace bench {
namespace {

// The rest of an argument that begins with `name`.
bool takes(std::string_view argument, std::string_view name, std::string& rest) {
  if (!argument.starts_with(name)) return false;
  rest = argument.substr(name.size());
  return true;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string rest;
    if (takes(argv[i], "--threads=", rest)) {
      options.threads = std::atoi(rest.c_str());
    } else if (takes(argv[i], "--memory=", rest)) {
      options.memory = rest;
    } else if (std::string_view(argv[i]) == "--check") {
      options.check = true;
    } else {
      fmt::print(stderr, "unknown argument: {}\n", argv[i]);
      std::exit(1);
    }
  }
  return options;
}

void set_all_threads(int threads) {
#if defined(TASKGRAD_BENCH_LIBTORCH)
  set_libtorch_threads(threads);
#endif
#if defined(TASKGRAD_BENCH_OPENBLAS)
  set_openblas_threads(threads);
#endif
#if defined(TASKGRAD_BENCH_ONEDNN)
  set_onednn_threads(threads);
#endif
  taskgrad::set_threads(threads);
}

}  // namespace

Options start(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);  // keeps what it does not know
  const Options options = parse(argc, argv);
  set_all_threads(options.threads);
  benchmark::AddCustomContext("threads", std::to_string(options.threads));
  benchmark::AddCustomContext("compiler", TASKGRAD_BENCH_COMPILER);
#if defined(TASKGRAD_BENCH_LIBTORCH)
  benchmark::AddCustomContext("libtorch", libtorch_version());
  benchmark::AddCustomContext("libtorch_blas", libtorch_blas());
#endif
#if defined(TASKGRAD_BENCH_OPENBLAS)
  benchmark::AddCustomContext("OpenBLAS", openblas_version());
#endif
#if defined(TASKGRAD_BENCH_ONEDNN)
  benchmark::AddCustomContext("oneDNN", onednn_version());
#endif
  return options;
}

void require_close(const std::string& what, std::span<const double> expected,
                   std::span<const double> found, double tolerance) {
  double length = 0, difference = 0;
  for (std::size_t i = 0; i < expected.size() && i < found.size(); ++i) {
    length = std::hypot(length, expected[i]);
    difference = std::hypot(difference, expected[i] - found[i]);
  }
  if (expected.size() == found.size() && difference <= tolerance * length) return;
  fmt::print(stderr,
             "{}: entrants must compute the same: {} and {} numbers, relative difference {:.2g}, "
             "allowed {:.2g}\n",
             what, expected.size(), found.size(), difference / length, tolerance);
  std::exit(1);
}

void settle(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  run();
  if (taskgrad::threads() == 1) return;
  for (const auto start = Clock::now(); Clock::now() - start < std::chrono::milliseconds(35);)
    run();
  taskgrad::set_threads(taskgrad::threads());
  run();
}

void add_work(const std::string& work, std::vector<Way> ways, double amount,
              const std::string& unit, double tolerance) {
  std::vector<double> expected;
  for (Way& way : ways) {
    const std::string name = work + "/" + way.name;
    way.run();
    if (expected.empty()) expected = way.result();
    require_close(name, expected, way.result(), tolerance);
    benchmark::RegisterBenchmark(
        name.c_str(), [run = std::move(way.run), amount, unit](benchmark::State& state) {
          settle(run);
          for (auto _ : state) run();
          state.counters[unit] =
              benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
        });
  }
}

void run_work(const Options& options) {
  if (!options.check) benchmark::RunSpecifiedBenchmarks();
}

}  // namespace bench
