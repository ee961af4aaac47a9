#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/json.h>
#include <taskgrad/toy/metrics_log.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "disk.h"
#include <fstream>
#include <string>

namespace taskgrad::toy {
namespace {

using Json = nlohmann::json;
using test::TemporaryDirectory;

const RunOptions kAnyRun;

TEST_CASE("to_json_line: one line an evaluation, targets are null for methods without") {
  RunOptions run;
  run.balancer = "gradnorm";
  run.seed = 7;
  Evaluation evaluation{.step = 40,
                        .train_losses = {0.1, 2},
                        .weights = {1.5, 0.5},
                        .grad_norms = {3, 4},
                        .targets = {3.5, 3.5},
                        .cosines = {1, -0.5, -0.5, 1},
                        .test_losses = {0.2, 1e300},
                        .metric = 1.75};
  const std::string line = to_json_line(run, evaluation);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(
      line ==
      R"({"balancer":"gradnorm","label":"gradnorm","seed":7,"tasks":2,"step":40,"train_losses":[0.1,2.0],)"
      R"("weights":[1.5,0.5],"grad_norms":[3.0,4.0],"targets":[3.5,3.5],)"
      R"("cosines":[1.0,-0.5,-0.5,1.0],)"
      R"("test_losses":[0.2,1e+300],"metric":1.75})");
  evaluation.targets.clear();
  CHECK(Json::parse(to_json_line(run, evaluation))["targets"].is_null());
}

TEST_CASE("MetricsLog: a line an evaluation, on disk at once") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "new/inner";
  MetricsLog log(directory);
  for (const std::int64_t step : {0, 20, 40}) {
    log.write(kAnyRun, {.step = step});
    std::ifstream file(directory + "/metrics.jsonl");
    std::string line;
    std::string last;
    while (std::getline(file, line)) last = line;
    CHECK(Json::parse(last)["step"] == step);
  }
}

TEST_CASE("MetricsLog: refuses before anything is lost") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "run";
  { MetricsLog log(directory); }
  CHECK_THROWS_WITH_AS(MetricsLog{directory},
                       ("--out: metrics are never overwritten: " + directory +
                        "/metrics.jsonl exists [choose another directory]")
                           .c_str(),
                       ConfigError);
  const std::string below_a_file = directory + "/metrics.jsonl/deeper";
  CHECK_THROWS_WITH_AS(
      MetricsLog{below_a_file},
      ("--out: must be a directory that can be made: \"" + below_a_file + "\" (Not a directory)")
          .c_str(),
      ConfigError);
  // A folder in which nobody makes files, root neither.
  CHECK_THROWS_WITH_AS(MetricsLog{"/proc/self"},
                       "--out: must be a directory that can be written: \"/proc/self\" (No such "
                       "file or directory)",
                       ConfigError);
}

TEST_CASE("MetricsLog: goes on with the lines it is given, whatever was there") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "";
  for (const std::string& lines : {std::string("a\nb\n"), std::string()}) {
    MetricsLog log(directory, lines);
    log.write(kAnyRun, {.step = 20});
    CHECK(read_file(directory + "metrics.jsonl") ==
          lines + to_json_line(kAnyRun, {.step = 20}) + '\n');
  }
}

TEST_CASE("MetricsLog: a line that cannot be written is an IoError") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "full";
  MetricsLog log(directory);
  std::string text = "nothing was thrown";
  {
    const test::FullDisk full;
    try {
      log.write(kAnyRun, {});
    } catch (const IoError& error) {
      text = error.what();
    }
  }
  CHECK(text == "--out: " + directory + "/metrics.jsonl could not be written: File too large");
}

}  // namespace
}  // namespace taskgrad::toy
