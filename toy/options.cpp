#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/version.h>
#include <taskgrad/toy/arguments.h>
#include <taskgrad/toy/option_specs.h>
#include <taskgrad/toy/options.h>
#include <taskgrad/toy/study_folder.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string_view>
#include <thread>

namespace taskgrad::toy {
namespace {

// What `figure2 --steps 25000`, the paper's length, takes.
constexpr std::string_view kPaperLength = "about 9 minutes on two cores";

constexpr std::int64_t kMostSteps = 1'000'000'000;
constexpr std::int64_t kLargestSeed =
    (std::int64_t{1} << 53) - 1;  // any JSON reader keeps it exact

/// A sub-command, and what its options are where they are not given.
struct Command {
  std::string_view name, help;
  Plan (*plan)(const StudyRange&);
  std::vector<int> tasks = {2};  ///< of each panel
  std::int64_t seeds = 1;
  std::int64_t steps = kStudySteps;
  std::vector<std::string> balancers = {};
};

const Command kCommands[] = {
    {.name = "figure2",
     .help = "the paper's figure 2: three methods on 2 and 10 tasks (default)",
     .plan = compare,
     .tasks = {2, 10},
     .seeds = 3,
     .balancers = {"equal", "uncertainty", "gradnorm"}},
    {.name = "train",
     .help = "methods on one set of tasks",
     .plan = compare,
     .steps = kTrainSteps,
     .balancers = {"gradnorm"}},
    {.name = "compare",
     .help = "several methods on one set of tasks",
     .plan = compare,
     .seeds = 3,
     .balancers = {"equal", "uncertainty", "dwa", "imtl_l", "gradnorm"}},
    {.name = "static",
     .help = "fixed weights: the time average of a gradnorm run",
     .plan = static_study,
     .seeds = 3},
    {.name = "grid-search",
     .help = "random fixed weights against that average",
     .plan = grid_search,
     .tasks = {3}},
    {.name = "alpha-sweep", .help = "gradnorm over alpha", .plan = alpha_sweep},
    {.name = "concordance",
     .help = "where public gradnorm codes leave the paper's rule",
     .plan = concordance},
    {.name = "double-backprop",
     .help = "a penalty on the gradient in the inputs",
     .plan = double_backprop},
};

constexpr std::string_view kFooter = R"(
The scales are 1,100 for 2 tasks, 48,3,54,16,9,30,52,26,47,81 for 10, and else
spread evenly on a log scale from 1 to 100. At the paper's length, --steps 25000,
figure2 takes {}.

Examples:
  toy_regression
  toy_regression figure2 --steps 25000 --seeds 5 --out figure2
  toy_regression train --tasks 10 --balancer equal --balancer gradnorm
  toy_regression train --sigmas 1,10,100 --json > runs.json
  toy_regression --resume figure2
)";

void define(CLI::App& app, Arguments& given) {
  for (const Spec& spec : specs()) {
    if (spec.value.empty()) {
      app.add_flag(spec.name, spec.help)->group(spec.group)->disable_flag_override();
      continue;
    }
    const CLI::callback_t keep = [&given, &spec](const CLI::results_t& texts) {
      given.add(spec.name, texts);
      return true;
    };
    app.add_option(spec.name, keep, fmt::format(fmt::runtime(spec.help), kTrainSteps, kStudySteps))
        ->option_text(spec.value)
        ->group(spec.group)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  app.set_help_flag("-h,--help", "print this and exit")->group("Output");
  for (const Command& command : kCommands) {
    app.add_subcommand(std::string(command.name), std::string(command.help));
  }
  // The options stand before or behind the command, and so does --help.
  for (CLI::App* command : app.get_subcommands({}))
    command->fallthrough()->group("Commands")->set_help_flag();
  app.require_subcommand(0, 1)->allow_extras();
}

std::string help(const CLI::App& app) {
  constexpr std::size_t kHelpColumn = 26;
  CLI::Formatter formatter;
  formatter.column_width(kHelpColumn);
  formatter.label("SUBCOMMAND", "COMMAND");
  const std::string options =
      formatter.make_help(&app, "toy_regression", CLI::AppFormatMode::Normal);
  return CLI::detail::find_and_replace(options, "\n\n\n", "\n\n") +
         fmt::format(fmt::runtime(kFooter), kPaperLength);
}

/// Adds the options of the study in a directory.
void add_study(const std::string& directory, const CLI::App& app, Arguments& given) {
  constexpr std::string_view kLeftOut = "left out with --resume, which takes it from the study";
  for (const CLI::App* command : app.get_subcommands()) {
    reject("command", kLeftOut, command->get_name());
  }
  for (const Spec& spec : specs()) {
    if (!is_of_study(spec) && spec.name != "--out" && spec.name != "--config") continue;
    const std::vector<std::string> texts = given.all(spec.name);
    if (!texts.empty()) reject(spec.name, kLeftOut, fmt::format("{}", fmt::join(texts, ", ")));
  }
  const std::filesystem::path file = std::filesystem::path(directory) / kStudyFile;
  if (!std::filesystem::exists(file)) {
    reject("--resume", fmt::format("a directory that --out made, with {}", kStudyFile), directory);
  }
  add_file(file.string(), given);
  if (const auto version = given.text("version"); version != kVersion) {
    reject("--resume", fmt::format("a study of this version, {}", kVersion), version.value_or(""));
  }
}

/// The sets of sigmas to run: one a panel.
std::vector<std::vector<double>> read_panels(const Arguments& given, const Command& command) {
  constexpr int kMostTasks = 1000;
  const bool any = given.text("--tasks").has_value();
  const int tasks = any ? static_cast<int>(given.whole("--tasks", 0, 1, kMostTasks)) : 0;
  if (const std::vector<double> sigmas = given.positives("--sigmas"); !sigmas.empty()) {
    if (tasks != 0 && static_cast<int>(sigmas.size()) != tasks) {
      reject("--sigmas", fmt::format("as many numbers as --tasks, {}", tasks),
             *given.text("--sigmas"));
    }
    return {sigmas};
  }
  if (tasks != 0) return {default_sigmas(tasks)};
  std::vector<std::vector<double>> panels;
  for (const int count : command.tasks) panels.push_back(default_sigmas(count));
  return panels;
}

std::vector<std::string> read_balancers(const Arguments& given, const Command& command) {
  const std::vector<std::string> names = given.all("--balancer");
  if (names.empty()) return command.balancers;
  if (command.balancers.empty()) {
    reject("--balancer", fmt::format("left out: {} has its own methods", command.name), names[0]);
  }

  std::vector<std::string_view> valid = balancer_names();
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(valid.begin(), valid.end(), *name) == valid.end()) {
      reject("--balancer", fmt::format("one of {}", fmt::join(valid, ", ")), *name);
    }
    if (std::find(names.begin(), name, *name) != name) {
      reject("--balancer", "given once for each method", *name);
    }
  }
  return names;
}

ProblemOptions read_problem(const Arguments& given) {
  ProblemOptions problem;
  problem.inputs = given.choice(
      "--inputs", problem.inputs,
      {{"uniform", Inputs::uniform}, {"normal", Inputs::normal}, {"unit", Inputs::unit}});
  problem.data =
      given.choice("--data", problem.data, {{"fresh", Data::fresh}, {"fixed", Data::fixed}});
  problem.spread = given.choice("--spread", problem.spread,
                                {{"std", Spread::deviation}, {"variance", Spread::variance}});
  problem.dtype =
      given.choice("--precision", problem.dtype, {{"f32", DType::f32}, {"f64", DType::f64}});
  return problem;
}

void read_method(const Arguments& given, RunOptions& run) {
  constexpr double kAny = std::numeric_limits<double>::infinity();
  run.alpha = given.number("--alpha", run.alpha, -kAny, kAny, "a finite number");
  run.weight_lr = given.positive("--weight-lr", run.weight_lr);
  run.path = given.choice(
      "--gradnorm-path", run.path,
      {{"second_order", GradNormPath::second_order}, {"closed_form", GradNormPath::closed_form}});
  run.weight_form = given.choice("--weight-form", run.weight_form,
                                 {{"linear", WeightForm::linear}, {"log", WeightForm::log}});
}

void read_training(const Arguments& given, const Command& command, RunOptions& run) {
  constexpr int kLargestBatch = 100'000;
  run.loss = given.choice("--loss", run.loss,
                          {{"mean", nn::Reduction::mean}, {"sum", nn::Reduction::sum}});
  run.optimizer = given.choice("--optimizer", run.optimizer,
                               {{"adam", OptimizerKind::adam}, {"sgd", OptimizerKind::sgd}});
  run.lr = given.positive("--lr", run.lr);
  run.momentum = given.number("--momentum", run.momentum, 0, 1, "a number from 0 to below 1");
  if (run.momentum > 0 && run.optimizer != OptimizerKind::sgd) {
    reject("--momentum", "0 unless --optimizer is sgd", *given.text("--momentum"));
  }
  run.steps = given.whole("--steps", command.steps, 1, kMostSteps);
  run.batch_size = static_cast<int>(given.whole("--batch-size", run.batch_size, 1, kLargestBatch));
  const std::int64_t hundredth = std::max<std::int64_t>(1, run.steps / 100);
  run.eval_every = given.whole("--eval-every", hundredth, 1, kMostSteps);
}

Plan make_plan(const Arguments& given, const Command& command) {
  constexpr int kMostSeeds = 10'000;
  constexpr int kMostPoints = 100'000;
  RunOptions run;
  run.problem = read_problem(given);
  read_method(given, run);
  read_training(given, command, run);
  const std::int64_t seeds = given.whole("--seeds", command.seeds, 1, kMostSeeds);
  const std::int64_t first_seed = given.whole("--seed", 1, 0, kLargestSeed - seeds + 1);

  StudyRange range{.balancers = read_balancers(given, command),
                   .alphas = given.numbers("--alphas", {-1, -0.5, 0, 0.12, 0.5, 1, 1.5, 2, 3}),
                   .penalties = given.numbers("--penalties", {0, 0.01, 0.1, 1}),
                   .points = static_cast<int>(given.whole("--points", 100, 1, kMostPoints))};
  const std::vector<std::vector<double>> panels = read_panels(given, command);
  if (!range.balancers.empty()) {
    given.note("--balancer", fmt::format("[\"{}\"]", fmt::join(range.balancers, "\", \"")));
  }
  if (panels.size() == 1) given.note("--sigmas", fmt::format("[{}]", fmt::join(panels[0], ", ")));
  Plan plan;
  for (const std::vector<double>& sigmas : panels) {
    run.problem.sigmas = sigmas;
    range.bases.clear();
    for (std::int64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
      run.seed = static_cast<std::uint64_t>(seed);
      range.bases.push_back(run);
    }
    Plan panel = command.plan(range);
    plan.runs.insert(plan.runs.end(), panel.runs.begin(), panel.runs.end());
    plan.further = std::move(panel.further);
    plan.findings = std::move(panel.findings);
    plan.figures = std::move(panel.figures);
  }
  return plan;
}

[[noreturn]] void reject_command(std::string_view allowed, const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  reject("command", fmt::format("one of {}{}", fmt::join(names, ", "), allowed), name);
}

/// The one that was named, or the first.
const Command& command_of(const CLI::App& app, const Arguments& given) {
  std::string name = given.text("command").value_or(std::string(kCommands[0].name));
  for (const CLI::App* named : app.get_subcommands()) name = named->get_name();
  for (const Command& command : kCommands) {
    if (command.name == name) return command;
  }
  reject_command("", name);
}

/// Says in our words what the parser found.
[[noreturn]] void refuse(const CLI::ParseError& error) {
  const std::string_view text = error.what();
  std::string name(text.substr(0, text.find_first_of(": ")));
  if (text.ends_with("missing")) {
    fail<ConfigError>("{}: must be followed by a value: none was given", name);
  }
  if (!name.starts_with('-')) name = "--" + name;
  reject(name, "used as --help says", text);
}

Options read(const CLI::App& app, const Arguments& given) {
  constexpr int kMostThreads = 1024;
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const auto flag = [&](const char* name) {
    return app.count(name) > 0 || given.choice(name, false, {{"true", true}, {"false", false}});
  };
  const Command& command = command_of(app, given);
  Options options{.command = std::string(command.name),
                  .resume = given.text("--resume").has_value(),
                  .json = flag("--json"),
                  .quiet = flag("--quiet"),
                  .check = flag("--check")};
  if (options.check && options.command != "figure2") {
    reject("--check", "used with figure2", options.command);
  }
  options.threads = static_cast<int>(given.whole("--threads", cores, 1, kMostThreads));
  options.jobs = static_cast<int>(given.whole("--jobs", 0, 1, kMostThreads));
  options.checkpoint_every = given.whole("--checkpoint-every", 0, 1, kMostSteps);
  for (const char* name : {"--out", "--resume"}) {
    const auto directory = given.text(name);
    if (directory && directory->empty()) reject(name, "the name of a directory", *directory);
    if (directory) options.out = *directory;
  }
  if (options.checkpoint_every > 0 && options.out.empty()) {
    reject("--checkpoint-every", "used with --out, where checkpoints go",
           fmt::format("{}", options.checkpoint_every));
  }
  Plan plan = make_plan(given, command);
  options.runs = std::move(plan.runs);
  options.further = std::move(plan.further);
  options.findings = std::move(plan.findings);
  options.figures = std::move(plan.figures);
  options.config = config_of(given, options.command);
  return options;
}

}  // namespace

Options parse(int argc, const char* const* argv) {
  Arguments given;
  CLI::App app(
      "Balances regression tasks of unlike scales: the toy experiment of the GradNorm paper.");
  define(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {.answer = help(app)};
  } catch (const CLI::ParseError& error) {
    refuse(error);
  }
  if (const auto extras = app.remaining(/*recurse=*/true); !extras.empty()) {
    if (extras[0].starts_with("-")) reject("option", "one of those in --help", extras[0]);
    reject_command(", once", extras[0]);
  }
  if (app.count("--version") > 0) return {.answer = fmt::format("toy_regression {}\n", kVersion)};
  if (const auto directory = given.text("--resume")) {
    add_study(*directory, app, given);
  } else if (const auto file = given.text("--config")) {
    add_file(*file, given);
  }
  Options options = read(app, given);
  if (app.count("--print-config") > 0) options.answer = options.config;
  return options;
}

}  // namespace taskgrad::toy
