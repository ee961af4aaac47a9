#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/json.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/metrics_log.h>
#include <taskgrad/toy/progress.h>
#include <taskgrad/toy/report.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "disk.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

using Json = nlohmann::json;
using test::TemporaryDirectory;

const RunOptions kAnyRun;

RunResult made_up(const std::string& balancer, std::uint64_t seed, double metric,
                  std::vector<double> weights) {
  const std::vector<double> ones(weights.size(), 1.0);
  RunResult result{.balancer = balancer,
                   .tasks = static_cast<int>(weights.size()),
                   .sigmas = default_sigmas(static_cast<int>(weights.size())),
                   .seed = seed,
                   .steps = 100,
                   .metric = metric,
                   .metric_initial = static_cast<double>(weights.size()),
                   .weights = weights,
                   .test_losses = ones,
                   .initial_test_losses = ones,
                   .seconds = 1.5,
                   .fingerprint = "0123456789abcdef"};
  result.history = {{.step = 0, .weights = ones, .metric = result.metric_initial},
                    {.step = 100, .weights = weights, .metric = metric}};
  return result;
}

std::vector<RunResult> made_up_study() {
  return {made_up("equal", 1, 1.25, {1, 1}), made_up("equal", 2, 1.35, {1, 1}),
          made_up("gradnorm", 1, 1.0, {1.98, 0.02}), made_up("gradnorm", 2, 1.02, {1.96, 0.04})};
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\n' || (c >= 32 && c < 127); });
}

TEST_CASE("to_json: exactly the documented keys, in their order") {
  const std::string text = to_json(made_up_study());
  CHECK(text.find('\n') == std::string::npos);
  const auto json = nlohmann::ordered_json::parse(text);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"version", "runs", "findings"});
  CHECK(json["version"] == "0.1.0");
  REQUIRE(json["runs"].size() == 4);
  keys.clear();
  for (const auto& [key, value] : json["runs"][2].items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"balancer", "label", "tasks", "sigmas", "seed", "steps",
                                         "metric", "metric_initial", "weights", "mean_weights",
                                         "noisy_metric", "input_slope", "test_losses",
                                         "initial_test_losses", "seconds", "fingerprint"});
  CHECK(json["runs"][2]["weights"] == std::vector<double>{1.98, 0.02});
  CHECK(json["runs"][2]["seed"] == 1);
}

TEST_CASE("to_json: numbers read back to the same bits, what is not finite is null") {
  RunResult result = made_up("equal", 1, 0.1 + 0.2, {1.0 / 3, 5e-324});
  result.seed = (std::uint64_t{1} << 53) - 1;
  Json run = Json::parse(to_json(std::span(&result, 1)))["runs"][0];
  CHECK(run["metric"] == 0.1 + 0.2);
  CHECK(run["weights"] == result.weights);
  CHECK(run["seed"] == result.seed);
  result.metric = std::numeric_limits<double>::quiet_NaN();
  run = Json::parse(to_json(std::span(&result, 1)))["runs"][0];
  CHECK(run["metric"].is_null());
}

TEST_CASE("to_json: runs that never began are left out") {
  std::vector<RunResult> results = made_up_study();
  results[1] = {};
  CHECK(Json::parse(to_json(results))["runs"].size() == 3);
  CHECK(to_json({}) == R"({"version":"0.1.0","runs":[],"findings":[]})");
}

TEST_CASE("to_json: findings, each with its number and what to try") {
  std::vector<RunResult> results = made_up_study();
  CHECK(Json::parse(to_json(results))["findings"].empty());
  results[2].error = "a loss is not finite";
  const Json found = Json::parse(to_json(results))["findings"];
  REQUIRE(found.size() == 1);
  CHECK(found[0] == Json{{"symptom", "learning_rate_too_high"},
                         {"method", "gradnorm on 2 tasks"},
                         {"number", "1 of 2 diverged"},
                         {"claim", "The learning rate is too high: 1 of 2 runs diverged."},
                         {"advice", "Try a third of --lr."}});
}

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

TEST_CASE("summary_table: mean and range by method, the best one marked") {
  CHECK(summary_table(made_up_study(), Style::plain) ==
        "2 tasks, 100 steps\n"
        "  method    tasks  seeds  metric           range  w(1)  w(100)\n"
        "  equal         2      2   1.300  1.250 .. 1.350     1       1\n"
        "* gradnorm      2      2   1.010  1.000 .. 1.020  1.97    0.03\n"
        "\n"
        "metric: sum over tasks of L_i(end) / L_i(0) on the test set; lower is better\n"
        "w(s): final weight of the task of scale s; both are means over the seeds\n"
        "*: the lowest metric of its panel\n");
  CHECK(summary_table({}, Style::plain).empty());
}

TEST_CASE("summary_table: panels follow each other, weights stand below where they do not fit") {
  std::vector<RunResult> results = made_up_study();
  results.push_back(made_up("gradnorm", 1, 4.0, std::vector<double>(10, 0.12345)));
  const std::string wide = summary_table(results, Style::plain);
  CHECK(is_ascii(wide));
  CHECK(wide.find("10 tasks, 100 steps\n  method    tasks  seeds  metric  range  w(48)") !=
        std::string::npos);
  std::istringstream narrow(summary_table(results, Style::plain, 60));
  std::string line;
  int with_weights = 0;
  while (std::getline(narrow, line)) {
    if (!line.starts_with("metric:") && !line.starts_with("w(s)")) CHECK(line.size() <= 60);
    with_weights += line.find("w(") != std::string::npos ? 1 : 0;
  }
  CHECK(with_weights == 4);
}

TEST_CASE("summary_table: nothing is marked after an interruption, failures are counted") {
  std::vector<RunResult> results = made_up_study();
  results[3].interrupted = true;
  results[3].steps = 37;
  const std::string stopped = summary_table(results, Style::plain);
  CHECK(stopped.find('*') == std::string::npos);
  CHECK(stopped.find("2 tasks, 37 to 100 steps") != std::string::npos);
  results = made_up_study();
  results[1] = {};  // never began
  CHECK(summary_table(results, Style::plain).find('*') == std::string::npos);

  results = made_up_study();
  results[2].error = "a loss is not finite";
  results[2].metric = std::numeric_limits<double>::quiet_NaN();
  const std::string failed = summary_table(results, Style::plain);
  CHECK(failed.find("1 diverged") != std::string::npos);
  CHECK(failed.find("* equal") != std::string::npos);
  CHECK(failed.find("nan") == std::string::npos);
  CHECK(failures(results) ==
        "gradnorm on 2 tasks, seed 1: broke off at step 100: a loss is not finite\n");
  CHECK(failures(made_up_study()).empty());
}

TEST_CASE("summary_table: escape codes only where they are wanted") {
  CHECK(is_ascii(summary_table(made_up_study(), Style::plain)));
  CHECK(summary_table(made_up_study(), Style::rich).find("\x1b[1m* gradnorm") != std::string::npos);
}

TEST_CASE("summary_curves: the metric of all methods and the weights of gradnorm") {
  const std::string text = summary_curves(made_up_study());
  CHECK(text.find("2 tasks: test metric") != std::string::npos);
  CHECK(text.find("2 tasks: weights of gradnorm") != std::string::npos);
  for (const char* label : {"equal", "gradnorm", "100 steps"}) {
    CHECK(text.find(label) != std::string::npos);
  }
  const std::vector<RunResult> equal = {made_up("equal", 1, 1.5, {1, 1})};
  CHECK(summary_curves(equal).find("weights") == std::string::npos);
}

std::string without_colors(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      plain += text[i];
    }
  }
  return plain;
}

TEST_CASE("plot: a falling and a level line") {
  const std::vector<Curve> curves = {{"down", {{0, 2}, {10, 0}}}, {"flat", {{0, 0}, {10, 0}}}};
  CHECK(without_colors(plot(curves, {.title = "title", .columns = 12, .rows = 3})) ==
        "         title\n"
        "       2 ┤⠉⠒⠤⣀        \n"
        "       1 ┤    ⠉⠒⠤⣀     down\n"
        "       0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣉⣒⣤⣀ flat\n"
        "         └────────────\n"
        "          0   10 steps\n");
}

TEST_CASE("plot: labels that end together take rows of their own, in the order of the ends") {
  std::vector<Curve> curves;
  for (const char* label : {"a", "b", "c", "d"}) {
    curves.push_back({label, {{0, 1}, {1, 0.001 * static_cast<double>(curves.size())}}});
  }
  const std::string text = without_colors(plot(curves, {.title = "", .columns = 20, .rows = 5}));
  std::vector<std::size_t> places;
  for (const char* label : {"d\n", "c\n", "b\n", "a\n"}) places.push_back(text.find(label));
  CHECK(std::is_sorted(places.begin(), places.end()));
  CHECK(places.back() != std::string::npos);
}

TEST_CASE("plot: leaves out what cannot be drawn") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(plot({}, {}).empty());
  const std::vector<Curve> point = {{"one", {{0, 1}}}};
  CHECK(plot(point, {}).empty());
  const std::vector<Curve> gaps = {{"gaps", {{0, 1}, {1, nan}, {2, HUGE_VAL}, {3, 3}}}, {"", {}}};
  CHECK_FALSE(plot(gaps, {}).empty());
  const std::vector<Curve> level = {{"level", {{0, 5}, {3, 5}}}};
  CHECK_FALSE(plot(level, {}).empty());
  const std::vector<Curve> logarithmic = {{"log", {{0, 100}, {1, 0}, {2, -1}, {3, 0.01}}}};
  const std::string text = plot(logarithmic, {.log_y = true, .rows = 3});
  for (const char* number : {" 100 ", "   1 ", "0.01 "})
    CHECK(text.find(number) != std::string::npos);
}

TEST_CASE("style_of: a file is plain") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  CHECK(style_of(ends[1]) == Style::plain);
  CHECK(columns_of(ends[1]) == 80);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("ProgressReport: a line written over and removed, or plain lines now and then") {
  Progress progress{.runs_done = 1,
                    .runs = 4,
                    .steps_done = 25,
                    .steps = 100,
                    .fraction = 0.25,
                    .seconds = 30,
                    .seconds_left = 90};
  std::ostringstream rich;
  {
    ProgressReport report(rich, Style::rich);
    report(progress);
    CHECK(rich.str().starts_with("\r\x1b[K████░"));
    CHECK(rich.str().find(" 25 %  1 of 4 runs  25 of 100 steps  1:30 left") != std::string::npos);
    CHECK(rich.str().find('\n') == std::string::npos);
  }
  CHECK(rich.str().ends_with("\r\x1b[K"));

  std::ostringstream plain;
  ProgressReport report(plain, Style::plain);
  report(progress);
  CHECK(plain.str() == " 25 %  1 of 4 runs  25 of 100 steps  1:30 left\n");
  CHECK(is_ascii(plain.str()));
  progress.seconds = 31;
  progress.fraction = 0.35;
  report(progress);  // too soon
  progress.seconds = 33;
  report(progress);
  progress.seconds = 60;
  report(progress);  // not another tenth
  progress.seconds = 100;
  progress.seconds_left = 4000;
  report(progress);
  const std::string text = plain.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.find("1:06:40 left") != std::string::npos);
}

TEST_CASE("ProgressReport: a later stage is announced at once, and every line says which it is") {
  const Progress begin{.runs = 101, .steps = 404000};
  Progress middle{.runs_done = 50,
                  .runs = 101,
                  .steps_done = 202000,
                  .steps = 404000,
                  .fraction = 0.5,
                  .seconds = 120,
                  .seconds_left = 36000};
  std::ostringstream first;
  ProgressReport(first, Style::plain, {1, 2})(begin);
  CHECK(first.str().empty());
  std::ostringstream second;
  ProgressReport report(second, Style::plain, {2, 2});
  report(begin);
  CHECK(second.str() == "stage 2 of 2    0 %  0 of 101 runs  0 of 404000 steps  ? left\n");
  report(begin);
  CHECK(second.str().find('\n') == second.str().size() - 1);
  report(middle);
  CHECK(second.str().ends_with(
      "\nstage 2 of 2   50 %  50 of 101 runs  202000 of 404000 steps  10:00:00 left\n"));
}

TEST_CASE("ProgressReport: with its stage, a line written over fits into 80 columns") {
  std::ostringstream rich;
  ProgressReport report(rich, Style::rich, {2, 2});
  report({.runs_done = 50,
          .runs = 101,
          .steps_done = 202000,
          .steps = 404000,
          .fraction = 0.5,
          .seconds = 120,
          .seconds_left = 3599});
  CHECK(rich.str() ==
        "\r\x1b[K██░░ stage 2 of 2   50 %  50 of 101 runs  202000 of 404000 steps  59:59 left");
  CHECK(characters(rich.str()) - 4 <= 80);
}

TEST_CASE("not_below_equal: names the panel where gradnorm is not below, or missing") {
  CHECK(not_below_equal(made_up_study()).empty());
  std::vector<RunResult> level = {made_up("equal", 1, 1.0, {1, 1}),
                                  made_up("gradnorm", 1, 1.0, {1, 1})};
  CHECK(not_below_equal(level) ==
        "check: on 2 tasks gradnorm must end below equal weights: 1.000 and 1.000\n");
  level.pop_back();
  CHECK(!not_below_equal(level).empty());
  CHECK(!not_below_equal(std::vector{made_up("gradnorm", 1, 1.0, {1, 1})}).empty());
}

}  // namespace
}  // namespace taskgrad::toy
