// A study in a directory: stopped and resumed, it is the study that was not.
#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/study.h>
#include <taskgrad/toy/study_folder.h>

#include <doctest/doctest.h>

#include "disk.h"
#include "small_run.h"
#include <algorithm>
#include <atomic>
#include <sstream>

namespace taskgrad::toy {
namespace {

using test::small_run, test::TemporaryDirectory;
using Study = StudyFolder::Study;
namespace fs = std::filesystem;

std::vector<RunOptions> small_study() {
  std::vector<RunOptions> runs;
  for (const char* balancer : {"equal", "gradnorm", "famo"}) {
    for (const std::uint64_t seed : {1u, 2u}) {
      runs.push_back(small_run(balancer));
      runs.back().seed = seed;
    }
  }
  return runs;
}

std::vector<std::string> sorted_lines(const std::string& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Runs the study in a folder until `steps` more steps are done.
std::vector<RunResult> work(StudyFolder& folder, const std::vector<RunOptions>& runs, int jobs,
                            std::int64_t steps) {
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> left = steps;
  StudyOptions options{.threads = 2,
                       .jobs = jobs,
                       .from = folder.checkpoints(),
                       .checkpoint_every = 3,
                       .stop = &stop};
  options.on_evaluation = [&](std::size_t run, const Evaluation& e) { folder.write(run, e); };
  options.on_checkpoint = [&](std::size_t run, const Checkpoint& checkpoint) {
    folder.save(run, checkpoint);
    if ((left -= 3) <= 0) stop = true;
  };
  return run_study(runs, options);
}

TEST_CASE("StudyFolder: stopped and resumed with other jobs until the end, all is as without") {
  const std::vector<RunOptions> runs = small_study();
  const TemporaryDirectory temporary;
  const std::string whole = temporary / "whole";
  StudyFolder one(Study::begins, whole, runs, "text");
  const std::vector<RunResult> expected = work(one, runs, 1, 1'000'000);
  CHECK(read_file(whole + "/study.toml") == "text");

  const std::string parts = temporary / "parts";
  std::vector<RunResult> results;
  { StudyFolder(Study::begins, parts, runs, "text"); }
  for (int part = 0; part < 7; ++part) {
    StudyFolder folder(Study::goes_on, parts, runs, "text");
    results = work(folder, runs, 1 + part % 3, part < 6 ? 12 : 1'000'000);
  }
  for (std::size_t run = 0; run < runs.size(); ++run) {
    test::check_same_result(results[run], expected[run]);
  }
  CHECK(sorted_lines(parts + "/metrics.jsonl") == sorted_lines(whole + "/metrics.jsonl"));
  CHECK(sorted_lines(parts + "/metrics.jsonl").size() == 6 * 4);
}

TEST_CASE("StudyFolder: runs that follow from others are gone on with as well") {
  const std::vector<RunOptions> first = {small_run(), small_run("equal")};
  const auto further = [&](std::span<const RunResult> results) {
    std::vector<RunOptions> runs(2, small_run("static"));
    runs[0].weights = results[0].mean_weights;
    runs[1].weights = results[0].weights;
    return runs;
  };
  std::vector<RunOptions> all = first;
  for (const RunOptions& run : further(run_study(first, {}))) all.push_back(run);
  const std::vector<RunResult> expected = run_study(all, {});

  const TemporaryDirectory temporary;
  const std::string directory = temporary / "study";
  {
    StudyFolder folder(Study::begins, directory, first, "text", further);
    folder.extend(further(work(folder, first, 1, 1'000'000)));
    REQUIRE(folder.checkpoints().size() == 4);
    run(all[3], {.on_evaluation = [&](const Evaluation& e) { folder.write(3, e); },
                 .on_checkpoint =
                     [&](const Checkpoint& at) {
                       if (at.result.steps == 12) folder.save(3, at);
                     },
                 .checkpoint_every = 6});
  }
  StudyFolder folder(Study::goes_on, directory, first, "text", further);
  REQUIRE(folder.checkpoints().size() == 4);
  CHECK(folder.checkpoints()[0].done());
  CHECK_FALSE(folder.checkpoints()[2].began());
  CHECK(folder.checkpoints()[3].result.steps == 12);
  folder.extend(further(run_study(first, {})));
  CHECK(folder.checkpoints().size() == 4);
  const std::vector<RunResult> results = work(folder, all, 2, 1'000'000);
  for (std::size_t i = 0; i < all.size(); ++i) test::check_same_result(results[i], expected[i]);
  CHECK(sorted_lines(directory + "/metrics.jsonl").size() == 4 * 4);
}

TEST_CASE("StudyFolder: runs that are done are not repeated") {
  const std::vector<RunOptions> runs = small_study();
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "study";
  const std::vector<RunResult> expected = [&] {
    StudyFolder first(Study::begins, directory, runs, "text");
    return work(first, runs, 0, 1'000'000);
  }();
  fs::remove(directory + "/runs/003.safetensors");

  StudyFolder again(Study::goes_on, directory, runs, "text");
  std::vector<std::size_t> begun;
  const std::vector<RunResult> results =
      run_study(runs, {.from = again.checkpoints(),
                       .on_evaluation = [&](std::size_t run, auto&) { begun.push_back(run); }});
  CHECK(begun == std::vector<std::size_t>(4, 3));
  for (std::size_t run = 0; run < runs.size(); ++run) {
    test::check_same_result(results[run], expected[run]);
  }
}

TEST_CASE("StudyFolder: files aside that a kill left are removed") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "study";
  const std::vector<RunOptions> runs = small_study();
  { StudyFolder(Study::begins, directory, runs, "text"); }
  for (const char* name : {"/metrics.jsonl.tmp", "/runs/001.safetensors.tmp"}) {
    replace_file(directory + name, "half");
  }
  { StudyFolder(Study::goes_on, directory, runs, "text"); }
  CHECK_FALSE(fs::exists(directory + "/metrics.jsonl.tmp"));
  CHECK_FALSE(fs::exists(directory + "/runs/001.safetensors.tmp"));
  CHECK(read_file(directory + "/metrics.jsonl").empty());
}

TEST_CASE("StudyFolder: a checkpoint that cannot be used stops it before anything changes") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "study";
  const std::vector<RunOptions> runs = small_study();
  { StudyFolder(Study::begins, directory, runs, "text"); }
  replace_file(directory + "/runs/002.safetensors", "junk");
  replace_file(directory + "/metrics.jsonl", "kept");
  CHECK_THROWS_WITH_AS(
      StudyFolder(Study::goes_on, directory, runs, "text"),
      (directory + "/runs/002.safetensors: at least 8 bytes are needed: 4").c_str(), IoError);
  CHECK(read_file(directory + "/metrics.jsonl") == "kept");
}

TEST_CASE("StudyFolder: two programs do not work in one") {
  const TemporaryDirectory temporary;
  const std::vector<RunOptions> runs = small_study();
  const std::string directory = temporary / "study";
  const StudyFolder folder(Study::begins, directory, runs, "text");
  CHECK_THROWS_WITH_AS(StudyFolder(Study::goes_on, directory, runs, "text"),
                       (directory + ": must not be in use: another program works there").c_str(),
                       ConfigError);
  CHECK_THROWS_WITH_AS(
      StudyFolder(Study::goes_on, temporary / "none", runs, "text"),
      (temporary / "none" + ": could not be locked: No such file or directory").c_str(), IoError);
}

TEST_CASE("StudyFolder: results are never overwritten") {
  const TemporaryDirectory temporary;
  const std::vector<RunOptions> runs = small_study();
  for (const std::string name : {"study.toml", "metrics.jsonl"}) {
    const std::string directory = temporary / name.c_str();
    fs::create_directories(directory);
    replace_file(directory + "/" + name, "old");
    CHECK_THROWS_WITH_AS(StudyFolder(Study::begins, directory, runs, "text"),
                         ("--out: results are never overwritten: " + directory + "/" + name +
                          " exists [choose another directory, or --resume]")
                             .c_str(),
                         ConfigError);
    CHECK(std::distance(fs::directory_iterator(directory), fs::directory_iterator()) == 1);
  }
  const std::string below_a_file = temporary / "study.toml/study.toml/deeper";
  CHECK_THROWS_WITH_AS(
      StudyFolder(Study::begins, below_a_file, runs, "text"),
      ("--out: must be a directory that can be made: \"" + below_a_file + "\" (Not a directory)")
          .c_str(),
      ConfigError);
}

}  // namespace
}  // namespace taskgrad::toy
