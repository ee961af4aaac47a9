#include <taskgrad/autograd/grad.h>
#include <taskgrad/toy/statistics.h>
#include <taskgrad/toy/studies.h>
#include <taskgrad/toy/study_charts.h>
#include <taskgrad/toy/variants.h>

#include <doctest/doctest.h>

#include <cmath>
#include <set>

namespace taskgrad::toy {
namespace {

RunOptions small(std::uint64_t seed = 1) {
  return {.problem = {.sigmas = {1, 10, 100},
                      .dtype = DType::f64,
                      .input_size = 12,
                      .output_size = 5,
                      .test_examples = 50},
          .width = 16,
          .steps = 12,
          .batch_size = 8,
          .eval_every = 1,
          .seed = seed};
}

std::vector<RunResult> run_all(const std::vector<RunOptions>& runs) {
  std::vector<RunResult> results;
  for (const RunOptions& options : runs) results.push_back(run(options));
  return results;
}

std::vector<std::string> names(const std::vector<RunOptions>& runs) {
  std::vector<std::string> found;
  for (const RunOptions& options : runs) found.push_back(options.name());
  return found;
}

TEST_CASE("run: the mean weights are those of the starts of all steps") {
  const RunResult result = run(small());
  for (std::size_t task = 0; task < 3; ++task) {
    double total = 0;
    for (const Evaluation& evaluation : result.history) {
      if (evaluation.step < 12) total += evaluation.weights[task];
    }
    CHECK(result.mean_weights[task] == doctest::Approx(total / 12).epsilon(1e-14));
  }
  CHECK(mean(result.mean_weights) == doctest::Approx(1));
}

TEST_CASE("static_study: the same start, and weights that stay at the average of a gradnorm run") {
  const Plan plan = static_study({.bases = {small(1), small(2)}});
  CHECK(names(plan.runs) == std::vector<std::string>{"equal", "equal", "gradnorm", "gradnorm"});
  const std::vector<RunResult> first = run_all(plan.runs);
  const std::vector<RunOptions> further = plan.further(first);
  REQUIRE(names(further) == std::vector<std::string>{"static E[w]", "static E[w]"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(further[i].weights == first[2 + i].mean_weights);
    const RunResult fixed = run(further[i]);
    CHECK(fixed.history[0].test_losses == first[2 + i].history[0].test_losses);
    CHECK(fixed.history[0].train_losses == first[2 + i].history[0].train_losses);
    CHECK(fixed.weights == first[2 + i].mean_weights);
    CHECK(fixed.mean_weights[0] == doctest::Approx(fixed.weights[0]).epsilon(1e-14));
  }
}

TEST_CASE("static_study: a gradnorm run that broke off has no average to go on with") {
  const Plan plan = static_study({.bases = {small(1), small(2)}});
  std::vector<RunResult> first = run_all(plan.runs);
  first[2].error = "a loss was not finite";
  const std::vector<RunOptions> further = plan.further(first);
  REQUIRE(further.size() == 1);
  CHECK(further[0].seed == 2);
}

TEST_CASE("grid_search: as many weight vectors as asked for, positive, of sum T, none twice") {
  const Plan plan = grid_search({.bases = {small()}, .points = 40});
  const std::vector<RunResult> first = run_all(plan.runs);
  const std::vector<RunOptions> further = plan.further(first);
  REQUIRE(further.size() == 41);
  std::set<std::vector<double>> seen;
  for (std::size_t i = 1; i < further.size(); ++i) {
    CHECK(further[i].name() == "grid");
    CHECK(further[i].balancer == "static");
    CHECK(mean(further[i].weights) == doctest::Approx(1).epsilon(1e-14));
    for (const double weight : further[i].weights) CHECK(weight > 0);
    seen.insert(further[i].weights);
  }
  CHECK(seen.size() == 40);
  CHECK(plan.further(first)[7].weights == further[7].weights);  // so that it can be continued
}

RunResult grid_result(std::string label, std::vector<double> weights, double metric) {
  return {.balancer = label == "gradnorm" ? "gradnorm" : "static",
          .label = label == "gradnorm" ? "" : label,
          .tasks = 2,
          .sigmas = {1, 100},
          .seed = 1,
          .metric = metric,
          .mean_weights = std::move(weights)};
}

TEST_CASE("grid_search: distances, and what is said of a metric that rises with them") {
  std::vector<RunResult> results = {grid_result("gradnorm", {1.5, 0.5}, 1.0)};
  for (int i = 0; i < 10; ++i) {
    results.push_back(grid_result("grid", {1.5 - 0.1 * i, 0.5 + 0.1 * i}, 0.95 + 0.1 * i));
  }
  results.push_back(grid_result("grid", {1, 1}, NAN));
  results.back().error = "a loss was not finite";
  const GridPoints points = grid_points(results);
  REQUIRE(points.distances.size() == 10);
  CHECK(points.distances[3] == doctest::Approx(0.3 * std::sqrt(2.0)));
  CHECK(points.metrics[3] == doctest::Approx(1.25));
  CHECK(points.diverged == 1);
  CHECK(points.below_gradnorm == 1);
  const std::string text = grid_search({}).findings(results);
  CHECK(text.find("rank correlation of metric and distance: +1.000") != std::string::npos);
  CHECK(text.find("1 of them below GradNorm's metric") != std::string::npos);
  CHECK(text.find("1 diverged") != std::string::npos);
}

TEST_CASE("grid_figures: a dot a static vector, a line a method; none without a grid") {
  std::vector<RunResult> results = {grid_result("gradnorm", {1.5, 0.5}, 1.0)};
  CHECK(grid_figures(results).empty());
  results.push_back(grid_result("grid", {1.2, 0.8}, 1.3));
  results.push_back(grid_result("grid", {0.5, 1.5}, 0.9));
  for (RunResult& run : results) run.history.resize(1);
  const std::vector<Figure> figures = grid_figures(results);
  REQUIRE(figures.size() == 1);
  const auto& chart = std::get<Chart>(figures[0].content);
  REQUIRE(chart.series.size() == 2);
  CHECK(chart.series[0].y == std::vector<double>{1.3, 0.9});
  CHECK(chart.series[0].x[1] == doctest::Approx(std::sqrt(2.0)));
  CHECK(chart.series[1].label == "gradnorm");
  CHECK(chart.series[1].y[0] == 1.0);
}

TEST_CASE("alpha_figures: means and ranges over seeds by alpha, from the lowest up") {
  std::vector<RunResult> results;
  for (const std::uint64_t seed : {1U, 2U}) {
    for (const double alpha : {0.5, -1.0}) {
      RunResult run = grid_result(alpha_label(alpha), {}, 2 * alpha + double(seed));
      run.seed = seed;
      run.weights = {1.75, 0.25};
      run.history.resize(1);
      results.push_back(run);
    }
  }
  const std::vector<Figure> figures = alpha_figures(results, std::vector{0.5, -1.0});
  REQUIRE(figures.size() == 2);
  const Series& metric = std::get<Chart>(figures[0].content).series[0];
  CHECK(metric.x == std::vector<double>{-1, 0.5});
  CHECK(metric.y == std::vector<double>{-0.5, 2.5});
  CHECK(metric.low == std::vector<double>{-1, 2});
  CHECK(metric.high == std::vector<double>{0, 3});
  const auto& weights = std::get<Chart>(figures[1].content).series;
  REQUIRE(weights.size() == 2);
  CHECK(weights[1].y == std::vector<double>{0.25, 0.25});
}

TEST_CASE("penalty_figures: metric, metric with noise and slope over the penalty, beside none") {
  std::vector<RunResult> results;
  for (const std::uint64_t seed : {1U, 2U}) {
    for (const double penalty : {0.1, 0.0, 1.0}) {
      RunResult run = grid_result(penalty_label(penalty), {}, penalty + double(seed));
      run.seed = seed;
      run.noisy_metric = 10 * run.metric;
      run.input_slope = 3 - penalty;
      run.history.resize(1);
      results.push_back(run);
    }
  }
  const std::vector<double> penalties = {0.1, 0, 1};
  const std::vector<Figure> figures =
      double_backprop({.bases = {small()}, .penalties = penalties}).figures(results);
  REQUIRE(figures.size() == 2);
  const auto& metric = std::get<Chart>(figures[0].content);
  CHECK(metric.x.log);
  REQUIRE(metric.series.size() == 4);
  CHECK(metric.series[0].x == std::vector<double>{0, 0.1, 1});
  CHECK(metric.series[0].y == std::vector<double>{1.5, 1.6, 2.5});
  CHECK(metric.series[0].low == std::vector<double>{1, 1.1, 2});
  CHECK(metric.series[0].high == std::vector<double>{2, 2.1, 3});
  CHECK(metric.series[1].label == "test inputs, no penalty");
  CHECK(metric.series[1].mark == Mark::reference);
  CHECK(metric.series[1].x == std::vector<double>{0.1, 1});
  CHECK(metric.series[1].y == std::vector<double>{1.5, 1.5});
  CHECK(metric.series[2].y[2] == doctest::Approx(25));
  CHECK(metric.series[3].style == metric.series[2].style);
  CHECK(metric.series[2].style != metric.series[0].style);
  const auto& slope = std::get<Chart>(figures[1].content);
  REQUIRE(slope.series.size() == 2);
  CHECK(slope.series[0].y == std::vector<double>{3, 2.9, 2});
  for (const Figure& figure : figures) CHECK_NOTHROW(to_svg(figure));
}

TEST_CASE("penalty_figures: none for no results, no log scale for penalties below 0") {
  CHECK(penalty_figures({}, std::vector{0.0, 1.0}).empty());
  std::vector<RunResult> results = {grid_result(penalty_label(-1), {}, 1.5)};
  results[0].history.resize(1);
  const std::vector<Figure> figures = penalty_figures(results, std::vector{-1.0, 1.0});
  REQUIRE(figures.size() == 2);
  CHECK_FALSE(std::get<Chart>(figures[0].content).x.log);
  CHECK(std::get<Chart>(figures[0].content).series[0].x == std::vector<double>{-1});
  CHECK(std::get<Chart>(figures[0].content).series[0].low.empty());  // one seed has no range
}

TEST_CASE("alpha_sweep and double_backprop: one run a value, which its name tells") {
  const Plan sweep = alpha_sweep({.bases = {small()}, .alphas = {-0.5, 0, 1.5}});
  CHECK(names(sweep.runs) ==
        std::vector<std::string>{"equal", "alpha -0.5", "alpha 0", "alpha 1.5"});
  CHECK(sweep.runs[1].alpha == -0.5);
  CHECK(sweep.runs[1].balancer == "gradnorm");
  const Plan penalties = double_backprop({.bases = {small()}, .penalties = {0, 0.1}});
  CHECK(names(penalties.runs) == std::vector<std::string>{"penalty 0", "penalty 0.1"});
  CHECK(penalties.runs[1].input_penalty == 0.1);
}

TEST_CASE("concordance: each departure once, and its drift in the table") {
  const Plan plan = concordance({.bases = {small()}});
  REQUIRE(plan.runs.size() == 2 + departures().size());
  const std::string text = plan.findings(run_all(plan.runs));
  for (const Departure& departure : departures()) {
    CHECK(text.find(departure.name) != std::string::npos);
  }
}

// The penalty in a parameter: the derivative of a gradient norm, against central differences.
TEST_CASE("training_losses: the gradient of the penalty is that of differences") {
  RunOptions options = small();
  options.input_penalty = 0.7;
  nn::MultiTask model = initial_model(options);
  const Batch batch = make_problem(options).batch(0, 8);
  const nn::Parameter weight = model.all()[2].parameter;
  const Tensor start = weight.value().value();
  const auto total = [&](const Tensor& value) {
    nn::Parameter(weight).set(leaf(value));
    return training_losses(options, model, batch).losses[2];
  };
  const Tensor slope = grad(total(start), weight.value()).value();
  for (const std::size_t place : {0U, 17U, 101U}) {
    constexpr double kStep = 1e-5;
    const auto moved = [&](double by) {
      std::vector<double> values = start.values();
      values[place] += by;
      return total(Tensor::from(start.shape(), values, DType::f64)).item();
    };
    const double difference = (moved(kStep) - moved(-kStep)) / (2 * kStep);
    CHECK(slope.values()[place] == doctest::Approx(difference).epsilon(1e-6));
  }
  const double penalised = total(start).item();
  options.input_penalty = 0;
  CHECK(total(start).item() < penalised);
}

TEST_CASE("double_backprop: a penalty flattens the outputs over the inputs") {
  RunOptions options = small();
  options.steps = 100;
  options.eval_every = 100;
  const RunResult plain = run(options);
  options.input_penalty = 1;
  CHECK(run(options).input_slope < 0.9 * plain.input_slope);
}

}  // namespace
}  // namespace taskgrad::toy
