#include <taskgrad/toy/json.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/report.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

using Json = nlohmann::json;

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
