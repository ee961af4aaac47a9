// Balancers side by side on the paper's toy or in the plane; see `compare_balancers --help`. For a
// model of your own, fill a toy::Subject and call toy::compare() as this program does.
//
// Exit status: 0 done; 1 something could not be written; 2 bad input.
#include <taskgrad/core/error.h>
#include <taskgrad/toy/comparison.h>
#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/plane.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <numeric>

namespace {

using namespace taskgrad;
using namespace taskgrad::toy;

struct Options {
  std::string problem = "toy";
  std::vector<std::string> methods;
  int tasks = 3;
  std::int64_t steps = 500;
  double lr = 3e-3;
  std::uint64_t seed = 1;
  std::vector<double> start = {-8.5, 7.5};
  double first_scale = 1;
  std::string picture;
};

// NAME or NAME:option=value:option=value
BalancerOptions split(std::string& method) {
  BalancerOptions options;
  std::size_t end = method.find(':');
  const std::string name = method.substr(0, end);
  while (end != std::string::npos) {
    const std::size_t start = end + 1;
    end = method.find(':', start);
    const std::string part = method.substr(start, end == std::string::npos ? end : end - start);
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos)
      throw ConfigError("--balancer: options are NAME=VALUE: '" + part + "'");
    options[part.substr(0, equals)] = part.substr(equals + 1);
  }
  method = name;
  return options;
}

Subject toy_subject(const Options& options) {
  RunOptions run;
  run.problem.sigmas = default_sigmas(options.tasks);
  run.seed = options.seed;
  const auto problem = std::make_shared<ScaledRegression>(make_problem(run));
  const auto first = std::make_shared<std::vector<double>>();
  constexpr std::int64_t kFar = std::int64_t{1} << 40;  // further batches: steps that never come
  const auto test_losses = [problem](const nn::MultiTask& model) {
    const NoGrad off;
    std::vector<double> values;
    for (const Var& loss : nn::mse(model(constant(problem->test().x)), problem->test().targets)) {
      values.push_back(loss.item());
    }
    return values;
  };
  *first = test_losses(initial_model(run));
  return {.model = [run] { return initial_model(run); },
          .losses =
              [problem](const nn::MultiTask& model, std::int64_t step, int k) {
                const Batch batch = problem->batch(step + k * kFar, 100);
                return nn::mse(model(constant(batch.x)), batch.targets);
              },
          .metric =
              [=](const nn::MultiTask& model) {
                const std::vector<double> now = test_losses(model);
                double metric = 0;
                for (std::size_t i = 0; i < now.size(); ++i) metric += now[i] / (*first)[i];
                return metric;
              },
          .optimizer =
              [lr = options.lr](const nn::MultiTask& model) {
                return std::make_unique<nn::Adam>(model.all(), nn::AdamOptions{.lr = lr});
              }};
}

double height(double x, double y, double first_scale) {
  const NoGrad off;
  const List<Var> losses =
      plane_losses(constant(Tensor::from({2}, {x, y}, DType::f64)), first_scale);
  return 0.5 * (losses[0].item() + losses[1].item());
}

Subject plane_subject(const Options& options, Trajectory& trajectory) {
  return {.model = [start = options.start] { return point_model(start[0], start[1]); },
          .losses = [scale = options.first_scale](
                        const nn::MultiTask& model, std::int64_t,
                        int) { return plane_losses(model(constant(0.0, DType::f64))[0], scale); },
          .metric =
              [scale = options.first_scale](const nn::MultiTask& model) {
                const std::vector<double> at = model.shared()[0].parameter.value().value().values();
                return height(at[0], at[1], scale);
              },
          .optimizer =
              [lr = options.lr](const nn::MultiTask& model) {
                return std::make_unique<nn::Adam>(model.all(), nn::AdamOptions{.lr = lr});
              },
          .watch =
              [&trajectory](const nn::MultiTask& model) {
                const std::vector<double> at = model.shared()[0].parameter.value().value().values();
                trajectory.points.push_back({at[0], at[1]});
              }};
}

// Opens the picture's file; before the runs without touching what is in it, since they take long.
std::ofstream open_picture(const std::string& path, std::ios::openmode mode) {
  std::ofstream file(path, mode);
  if (!file) {
    throw IoError("--picture: " + path + " could not be written: " + std::strerror(errno));
  }
  return file;
}

void run(Options options) {
  if (!options.picture.empty()) open_picture(options.picture, std::ios::app);
  if (options.methods.empty()) {
    for (const std::string_view name : balancer_names()) options.methods.emplace_back(name);
  }
  std::vector<Comparison> results;
  std::vector<Trajectory> trajectories;
  for (const std::string& given : options.methods) {
    std::string name = given;
    const BalancerOptions chosen = split(name);
    Trajectory trajectory{given, {}};
    const Subject subject =
        options.problem == "plane" ? plane_subject(options, trajectory) : toy_subject(options);
    results.push_back(compare(name, chosen, subject, options.steps));
    results.back().name = given;
    trajectories.push_back(std::move(trajectory));
  }
  if (!(std::cout << comparison_table(results) << std::flush)) {
    throw IoError("stdout: could not be written");
  }
  if (options.picture.empty()) return;
  std::ofstream file = open_picture(options.picture, std::ios::trunc);
  file << trajectories_svg(trajectories,
                           [&](double x, double y) { return height(x, y, options.first_scale); });
  if (!file.flush()) throw IoError("--picture: " + options.picture + " could not be written");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Balancers side by side: metric at the end, cost of a step, conflicts on the way.");
  app.add_option("problem", options.problem, "toy: the paper's regression; plane: two tasks in 2-D")
      ->check(CLI::IsMember({"toy", "plane"}));
  app.add_option("--balancer", options.methods, "NAME or NAME:OPTION=VALUE:.., repeatable (all)");
  app.add_option("--tasks", options.tasks, "of the toy (3)")->check(CLI::Range(1, 1000));
  app.add_option("--steps", options.steps, "updates of each run (500)")
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--lr", options.lr, "of Adam (0.003)")->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "of the toy (1)");
  app.add_option("--start", options.start, "of the plane, X Y (-8.5 7.5)")->expected(2);
  app.add_option("--first-scale", options.first_scale, "of the plane's first loss (1)");
  app.add_option("--picture", options.picture, "write the ways through the plane to this SVG file");
  CLI11_PARSE(app, argc, argv)
  try {
    run(std::move(options));
    return 0;
  } catch (const ConfigError& error) {
    std::cerr << "compare_balancers: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "compare_balancers: " << error.what() << '\n';
    return 1;
  }
}
