#include <taskgrad/core/error.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/toy/study.h>

#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace taskgrad::toy {
namespace {

std::vector<RunOptions> small_study() {
  std::vector<RunOptions> runs;
  for (const char* balancer : {"equal", "uncertainty", "gradnorm"}) {
    for (const std::uint64_t seed : {1u, 2u}) {
      RunOptions& run = runs.emplace_back();
      run.problem.input_size = 12;
      run.problem.output_size = 5;
      run.problem.test_examples = 20;
      run.width = 16;
      run.balancer = balancer;
      run.steps = 12;
      run.batch_size = 8;
      run.eval_every = 5;
      run.seed = seed;
    }
  }
  runs[3].problem.sigmas = {1, 10, 100};
  return runs;
}

TEST_CASE("run_study: results in the order of the list, with the bits of runs made alone") {
  const std::vector<RunOptions> runs = small_study();
  const int before = threads();
  for (const int count : {1, 2, 3, 9}) {
    CAPTURE(count);
    const std::vector<RunResult> results = run_study(runs, {.threads = count});
    REQUIRE(results.size() == runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
      CHECK(results[i].balancer == runs[i].balancer);
      CHECK(results[i].seed == runs[i].seed);
      CHECK(results[i].sigmas == runs[i].problem.sigmas);
      const RunResult alone = run(runs[i]);
      CHECK(results[i].fingerprint == alone.fingerprint);
      CHECK(results[i].metric == alone.metric);
    }
    CHECK(threads() == before);
  }
}

TEST_CASE("run_study: any number of jobs gives the same bits") {
  const std::vector<RunOptions> runs = small_study();
  const std::vector<RunResult> expected = run_study(runs, {.threads = 1});
  for (const int count : {1, 2, 4}) {
    for (const int jobs : {1, 2, 3, 9}) {
      CAPTURE(count);
      CAPTURE(jobs);
      std::mutex mutex;
      std::set<std::thread::id> workers;
      const auto note = [&](std::size_t, const Evaluation&) {
        const std::lock_guard lock(mutex);
        workers.insert(std::this_thread::get_id());
      };
      const std::vector<RunResult> results =
          run_study(runs, {.threads = count, .jobs = jobs, .on_evaluation = note});
      CHECK(workers.size() <= static_cast<std::size_t>(jobs));
      for (std::size_t i = 0; i < runs.size(); ++i) {
        CHECK(results[i].fingerprint == expected[i].fingerprint);
        CHECK(results[i].history == expected[i].history);
      }
    }
  }
}

TEST_CASE("run_study: progress counts what was done before it began") {
  const std::vector<RunOptions> runs = small_study();
  std::vector<Checkpoint> from(runs.size());
  for (const std::size_t index : {std::size_t{0}, std::size_t{4}}) {
    run(runs[index], {.on_checkpoint =
                          [&](const Checkpoint& at) {
                            if (index == 0 || at.result.steps == 5) from[index] = at;
                          },
                      .checkpoint_every = 5});
  }
  Progress last;
  run_study(runs,
            {.threads = 2, .from = from, .on_progress = [&](const Progress& now) { last = now; }});
  CHECK(last.runs_done == 6);
  CHECK(last.steps_done == 72);
  CHECK(last.fraction == 1.0);

  const std::atomic<bool> stop = true;
  const std::vector<RunResult> results = run_study(
      runs, {.from = from, .on_progress = [&](const Progress& now) { last = now; }, .stop = &stop});
  CHECK(last.runs_done == 1);
  CHECK(last.steps_done == 17);
  CHECK(results[0].history.back().step == 12);
  CHECK_FALSE(results[0].interrupted);
  CHECK(results[4].steps == 5);
  CHECK(results[4].interrupted);
}

TEST_CASE("run_study: evaluations of each run come in order, under its number") {
  const std::vector<RunOptions> runs = small_study();
  std::mutex mutex;
  std::map<std::size_t, std::vector<std::int64_t>> seen;
  run_study(runs, {.threads = 3, .on_evaluation = [&](std::size_t run, const Evaluation& e) {
                     const std::lock_guard lock(mutex);
                     CHECK(e.weights.size() == runs[run].problem.sigmas.size());
                     seen[run].push_back(e.step);
                   }});
  REQUIRE(seen.size() == runs.size());
  for (const auto& [run, steps] : seen) CHECK(steps == std::vector<std::int64_t>{0, 5, 10, 12});
}

TEST_CASE("run_study: the last progress says that all is done") {
  Progress last;
  run_study(small_study(), {.threads = 2, .on_progress = [&](const Progress& now) { last = now; }});
  CHECK(last.runs == 6);
  CHECK(last.runs_done == 6);
  CHECK(last.steps == 72);
  CHECK(last.steps_done == 72);
  CHECK(last.fraction == 1.0);
  CHECK(last.seconds_left == 0.0);
}

TEST_CASE("run_study: an exception of a callback stops all and comes out") {
  for (const int count : {1, 3}) {
    const auto throwing = [](std::size_t run, const Evaluation&) {
      if (run == 1) throw IoError("the disk is full");
    };
    CHECK_THROWS_WITH_AS(run_study(small_study(), {.threads = count, .on_evaluation = throwing}),
                         "the disk is full", IoError);
  }
  CHECK_THROWS_AS(run_study(small_study(),
                            {.on_progress = [](const Progress&) { throw IoError("no screen"); }}),
                  IoError);
}

TEST_CASE("run_study: an exception of a run comes out") {
  std::vector<RunOptions> runs = small_study();
  runs[2].balancer = "unheard";
  CHECK_THROWS_AS(run_study(runs, {.threads = 2}), ConfigError);
}

TEST_CASE("run_study: one run that diverges does not stop the others") {
  std::vector<RunOptions> runs = small_study();
  runs[0].optimizer = OptimizerKind::sgd;
  runs[0].lr = 1e10;
  const std::vector<RunResult> results = run_study(runs, {.threads = 2});
  CHECK_FALSE(results[0].error.empty());
  for (std::size_t i = 1; i < results.size(); ++i) CHECK(results[i].steps == 12);
}

TEST_CASE("run_study: stopped at once, no run begins, and stopped later, all end early") {
  std::atomic<bool> stop = true;
  for (const RunResult& result : run_study(small_study(), {.threads = 2, .stop = &stop})) {
    CHECK(result.history.empty());
  }

  stop = false;
  std::vector<RunOptions> runs = small_study();
  for (RunOptions& run : runs) run.steps = 1'000'000'000;
  const auto evaluated = [&](std::size_t, const Evaluation& e) {
    if (e.step == 10) stop = true;
  };
  const std::vector<RunResult> results =
      run_study(runs, {.threads = 2, .on_evaluation = evaluated, .stop = &stop});
  int began = 0;
  for (const RunResult& result : results) {
    if (result.history.empty()) continue;
    ++began;
    CHECK(result.interrupted);
    CHECK(result.history.back().step == result.steps);
  }
  CHECK(began == 2);
}

TEST_CASE("run_study: refuses no threads, accepts no runs") {
  CHECK_THROWS_WITH_AS(run_study(small_study(), {.threads = 0}),
                       "toy::run_study: threads must be at least 1: 0", ConfigError);
  CHECK_THROWS_WITH_AS(run_study(small_study(), {.jobs = -1}),
                       "toy::run_study: jobs must be at least 0: -1", ConfigError);
  const std::vector<Checkpoint> two(2);
  CHECK_THROWS_WITH_AS(run_study(small_study(), {.from = two}),
                       "toy::run_study: from must have a checkpoint for each of 6 runs: 2",
                       ConfigError);
  CHECK(run_study({}, {.threads = 2}).empty());
}

}  // namespace
}  // namespace taskgrad::toy
