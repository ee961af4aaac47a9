#include <taskgrad/toy/concordance.h>
#include <taskgrad/toy/studies.h>
#include <taskgrad/toy/variants.h>

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

using Weights = std::vector<std::vector<double>>;  // at each evaluation

RunResult made_up(const std::string& name, const Weights& weights, double metric = 1,
                  std::uint64_t seed = 1) {
  RunResult run{.balancer = name, .tasks = 2, .sigmas = {1, 100}, .seed = seed, .metric = metric};
  for (const std::vector<double>& w : weights) {
    run.history.push_back({.step = 10 * std::int64_t(run.history.size()), .weights = w});
  }
  return run;
}

/// The line that begins with a word, with one space between words.
std::string words_of(const std::string& text, const std::string& first) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(first + ' ')) continue;
    std::istringstream words(line);
    std::string found;
    for (std::string word; words >> word;) found += found.empty() ? word : ' ' + word;
    return found;
  }
  return "";
}

const Weights kPaper = {{1, 1}, {1, 1}, {1, 1}, {1, 1}};

TEST_CASE("drift: the mean factor up to each evaluation, whatever the sum of the weights") {
  const RunResult paper = made_up("gradnorm", kPaper);
  const RunResult run = made_up("sum_of_one", {{0.5, 0.5}, {0.75, 0.25}, {0.5, 0.5}});
  const std::vector<double> found = drift(run, paper);
  REQUIRE(found.size() == 3);
  CHECK(found[0] == 0);
  CHECK(found[1] == doctest::Approx(std::log(2.0) / 2));  // 1.5 and 0.5 for 1 and 1
  CHECK(found[2] == doctest::Approx(std::log(2.0) / 3));
  CHECK(drift(paper, run).size() == 3);
}

TEST_CASE("concordance_findings: drift at the end and metric against the paper's, over the seeds") {
  const std::vector<RunResult> results = {made_up("gradnorm", kPaper, 2.0),
                                          made_up("gradnorm", kPaper, 1.0, 2),
                                          made_up("softmax", {{1, 1}, {1.2, 0.8}}, 2.2),
                                          made_up("softmax", {{1, 1}, {1.5, 0.5}}, 1.2, 2)};
  const std::string text = concordance_findings(results);
  // (log 1/0.8 + log 1/0.5) / 2 / 2, and the mean of +10 and +20 %.
  CHECK(words_of(text, "softmax") == "softmax w = K softmax(s) 0.229 +15.0 %");
  CHECK(words_of(text, "polluted") == "polluted the network is trained on L_grad too diverged -");
}

TEST_CASE("concordance_figures: a line a departure, the highest first, means over the seeds") {
  std::vector<RunResult> results = {made_up("gradnorm", kPaper), made_up("equal", kPaper),
                                    made_up("gradnorm", kPaper, 1, 2)};
  CHECK(concordance_figures(results).empty());
  results.push_back(made_up("polluted", {{1, 1}, {1 + 1e-9, 1}, {1.2, 0.8}}));
  results.push_back(made_up("softmax", {{1, 1}, {1.5, 0.5}, {1.75, 0.25}, {2, 0}}));
  results.push_back(made_up("softmax", {{1, 1}, {1.2, 0.8}, {1.2, 0.8}}, 1, 2));
  results.push_back(made_up("fresh_adam", {{1, 1}, {1.9, 0.1}}));
  results.back().error = "a loss was not finite";
  const std::vector<Figure> figures = concordance_figures(results);
  REQUIRE(figures.size() == 1);
  const auto& series = std::get<Chart>(figures[0].content).series;
  REQUIRE(series.size() == 2);
  CHECK(series[0].label == "softmax");
  CHECK(series[0].x == std::vector<double>{10, 20});
  CHECK(series[0].y[0] == doctest::Approx((std::log(2.0) + std::log(1.25)) / 2 / 2));
  CHECK(series[0].y[1] == doctest::Approx((std::log(2.0 * 4) + 2 * std::log(1.25)) / 3 / 2));
  CHECK(series[1].label == "polluted");
  CHECK(series[1].x == std::vector<double>{20});  // before, it moves as the paper's rule does
  CHECK(series[1].style != series[0].style);
  CHECK_NOTHROW(to_svg(figures[0]));
}

TEST_CASE("concordance: its figure comes with the study") {
  const Plan plan = concordance({.bases = {RunOptions{}}});
  const std::vector<RunResult> results = {made_up("gradnorm", kPaper),
                                          made_up("softmax", {{1.5, 0.5}})};
  REQUIRE(plan.figures(results).size() == 1);
  CHECK(plan.figures(results)[0].name == "drift");
}

}  // namespace
}  // namespace taskgrad::toy
