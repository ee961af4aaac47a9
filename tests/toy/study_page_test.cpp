#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/study_figures.h>
#include <taskgrad/toy/study_page.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

RunResult made_up(const std::string& method, std::uint64_t seed, double metric,
                  std::vector<double> sigmas = {1, 100}) {
  const std::size_t tasks = sigmas.size();
  RunResult run{.balancer = method,
                .tasks = static_cast<int>(tasks),
                .sigmas = std::move(sigmas),
                .seed = seed,
                .steps = 20,
                .metric = metric,
                .weights = std::vector<double>(tasks, 1.0),
                .seconds = 0.5,
                .fingerprint = "0123456789abcdef"};
  for (const int step : {0, 10, 20}) {
    const double share = step / 20.0;
    const std::vector<double> all(tasks, 1 + share * (metric - 1));
    Evaluation e{
        .step = step,
        .train_losses = all,
        .weights = std::vector<double>(tasks, 1.0),
        .grad_norms = all,
        .cosines = std::vector<double>(tasks * tasks, 0.5),
        .test_losses = all,
        .metric = static_cast<double>(tasks) + share * (metric - static_cast<double>(tasks))};
    if (method == "gradnorm") {
      e.targets = all;
      e.weights[0] += share;
    }
    run.history.push_back(e);
  }
  return run;
}

std::vector<RunResult> made_up_study() {
  std::vector<RunResult> results;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto shift = 0.01 * static_cast<double>(seed);
    results.push_back(made_up("equal", seed, 1.5 + shift));
    results.push_back(made_up("gradnorm", seed, 1.2 + 2 * shift));
    results.push_back(made_up("gradnorm", seed, 2.2, {1, 2, 3, 4, 5}));
  }
  return results;
}

std::vector<const Figure*> figures_of(const Page& page) {
  std::vector<const Figure*> figures;
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      if (const auto* figure = std::get_if<Figure>(&block)) figures.push_back(figure);
    }
  }
  return figures;
}

const Table& table_of(const Page& page, std::size_t number) {
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      if (const auto* table = std::get_if<Table>(&block); table != nullptr && number-- == 0) {
        return *table;
      }
    }
  }
  static const Table none;
  FAIL("no such table");
  return none;
}

TEST_CASE("study_page: the figures of each panel, each with the curves it must have") {
  const Page page = study_page(made_up_study(), {});
  std::vector<std::string> found;
  for (const Figure* figure : figures_of(page)) {
    const auto* chart = std::get_if<Chart>(&figure->content);
    const auto* map = std::get_if<HeatMap>(&figure->content);
    found.push_back(figure->name + ' ' +
                    std::to_string(chart != nullptr ? chart->series.size() : map->tiles.size()));
  }
  CHECK(found == std::vector<std::string>{
                     "2-tasks-metric 2", "2-tasks-cosines 2", "2-tasks-weights-gradnorm 2",
                     "2-tasks-norms-gradnorm 4", "2-tasks-losses-equal 2",
                     "2-tasks-losses-gradnorm 2", "5-tasks-metric 1", "5-tasks-cosines 1",
                     "5-tasks-weights-gradnorm 5", "5-tasks-norms-gradnorm 6",
                     "5-tasks-losses-gradnorm 5", "5-tasks-cosine-matrix-gradnorm 3"});
  CHECK_NOTHROW(to_html(page));
}

TEST_CASE("study_page: labels and panels that differ in signs only have figures of their own") {
  std::vector<RunResult> results = {made_up("gradnorm", 1, 1.5), made_up("gradnorm", 1, 1.5),
                                    made_up("gradnorm", 1, 1.5, {2, 3})};
  results[0].label = "alpha 0.5";
  results[1].label = "alpha -0.5";
  const Page page = study_page(results, {});
  std::vector<std::string> names;
  for (const Figure* figure : figures_of(page)) names.push_back(figure->name);
  CHECK(std::count(names.begin(), names.end(), "2-tasks-losses-alpha-0-5") == 1);
  CHECK(std::count(names.begin(), names.end(), "2-tasks-losses-alpha-0-5-2") == 1);
  CHECK(std::count(names.begin(), names.end(), "2-tasks-metric-2") == 1);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("study_page: a line is the mean over the seeds, its band their range") {
  const std::vector<RunResult> results = made_up_study();
  const Figure figure = metric_figure(panels_of(results)[0], "x");
  const Series& series = std::get<Chart>(figure.content).series[1];
  CHECK(series.label == "gradnorm");
  CHECK(series.x == std::vector<double>{0, 10, 20});
  CHECK(series.y[2] == doctest::Approx(1.24));
  CHECK(series.low[2] == doctest::Approx(1.22));
  CHECK(series.high[2] == doctest::Approx(1.26));
}

TEST_CASE("study_page: curves go as far as all of their runs, also after an interruption") {
  std::vector<RunResult> results = made_up_study();
  results[4].history.back().step = 17;  // stopped between evaluations
  results[7].history.pop_back();
  const std::vector<Panel> panels = panels_of(results);
  CHECK(std::get<Chart>(metric_figure(panels[0], "x").content).series[1].x ==
        std::vector<double>{0, 10});
  results[1].history.clear();
  results[1].error = "a loss is not finite";
  const Page page = study_page(results, {.interrupted = true});
  CHECK_NOTHROW(to_html(page));
  CHECK(page.lead.ends_with("this is what ran until then."));
}

TEST_CASE("study_page: mean, range and the difference to equal weights with its interval") {
  const Table table = table_of(study_page(made_up_study(), {}), 0);
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"equal", "3", "1.5200", "1.5100 .. 1.5300", ""});
  const Table weights = table_of(study_page(made_up_study(), {}), 1);
  CHECK(weights.header == std::vector<std::string>{"method", "1", "100"});
  CHECK(weights.rows[1] == std::vector<std::string>{"gradnorm", "1", "1"});
  // Differences -0.29, -0.28, -0.27: deviation 0.01, t = 4.3027 over sqrt(3).
  CHECK(table.rows[1][2] == "1.2400");
  CHECK(table.rows[1][4] == "-0.2800 (-0.3048 .. -0.2552)");

  const std::vector<RunResult> one = {made_up("equal", 1, 1.5), made_up("gradnorm", 1, 1.25)};
  CHECK(table_of(study_page(one, {}), 0).rows[1][3].empty());
  CHECK(table_of(study_page(one, {}), 0).rows[1][4] == "-0.2500");
}

TEST_CASE("study_page: runs that share a seed have no difference seed by seed") {
  const std::vector<RunResult> results = {made_up("equal", 1, 1.5), made_up("grid", 1, 1.25),
                                          made_up("grid", 1, 1.75)};
  CHECK(table_of(study_page(results, {}), 0).rows[1][4].empty());
}

TEST_CASE("study_page: a diverged run is counted, and takes part in no mean") {
  std::vector<RunResult> results = made_up_study();
  results[1].error = "a loss is not finite";
  results[1].metric = std::numeric_limits<double>::quiet_NaN();
  const Table table = table_of(study_page(results, {}), 0);
  CHECK(table.rows[1][1] == "3, 1 diverged");
  CHECK(table.rows[1][2] == "1.2500");
  CHECK(table.rows[1][4].starts_with("-0.2750 ("));
  CHECK(to_html(study_page(results, {})).find("nan") == std::string::npos);
}

TEST_CASE("study_page: what was run, with the command, the options, seeds and fingerprints") {
  RunOptions run;
  const std::string html = to_html(study_page(
      made_up_study(),
      {.runs = {&run, 1}, .config = "command = \"train\"", .text = "the study's <own> words"}));
  for (const char* part :
       {"<pre>toy_regression --config study.toml</pre>", "<pre>command = &quot;train&quot;</pre>",
        "toy_regression 0.1.0", "<dt>seeds</dt><dd>1, 2, 3</dd>", " processors, ",
        "0123456789abcdef", "<dt>alpha of gradnorm</dt><dd>0.12</dd>",
        "the study&#39;s &lt;own&gt; words"}) {
    CAPTURE(part);
    CHECK(html.find(part) != std::string::npos);
  }
}

TEST_CASE("option_facts: several values where the runs differ") {
  std::vector<RunOptions> runs(20);
  runs[1].alpha = 1.5;
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].weight_lr = static_cast<double>(i);
  const auto value = [facts = option_facts(runs)](const std::string& name) {
    for (const auto& [key, text] : facts.rows) {
      if (key == name) return text;
    }
    return std::string();
  };
  CHECK(value("alpha of gradnorm") == "0.12; 1.5");
  CHECK(value("learning rate of weights") == "0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; ...");
  CHECK(value("optimizer") == "adam, learning rate 0.003");
  CHECK(option_facts({}).rows.empty());
}

}  // namespace
}  // namespace taskgrad::toy
