// What a command line, or a file of options, comes to. What is refused: options_refusal_test.cpp.
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/toy/options.h>

#include <doctest/doctest.h>

#include "command_line.h"
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad::toy {
namespace {

using test::OptionsFile;
using test::parse_words;

TEST_CASE("parse: no words mean figure2: two panels, three methods, three seeds") {
  for (const auto& words : {std::vector<const char*>{}, {"figure2"}}) {
    const Options options = parse_words(words);
    CHECK(options.command == "figure2");
    CHECK(options.threads >= 1);
    CHECK(options.out.empty());
    CHECK(options.answer.empty());
    CHECK_FALSE(options.json);
    CHECK_FALSE(options.quiet);
    REQUIRE(options.runs.size() == 18);
    CHECK(options.runs[0].tasks() == 2);
    CHECK(options.runs[0].balancer == "equal");
    CHECK(options.runs[0].seed == 1);
    CHECK(options.runs[2].seed == 3);
    CHECK(options.runs[3].balancer == "uncertainty");
    CHECK(options.runs[17].tasks() == 10);
    CHECK(options.runs[17].balancer == "gradnorm");
    CHECK(options.runs[17].steps == kStudySteps);
  }
}

TEST_CASE("parse: the defaults of train") {
  const Options options = parse_words({"train"});
  CHECK(options.command == "train");
  REQUIRE(options.runs.size() == 1);
  const RunOptions& run = options.runs[0];
  CHECK(run.problem.sigmas == std::vector<double>{1, 100});
  CHECK(run.problem.inputs == Inputs::uniform);
  CHECK(run.problem.data == Data::fresh);
  CHECK(run.problem.spread == Spread::deviation);
  CHECK(run.problem.dtype == DType::f32);
  CHECK(run.balancer == "gradnorm");
  CHECK(run.alpha == 0.12);
  CHECK(run.weight_lr == 0.025);
  CHECK(run.path == GradNormPath::second_order);
  CHECK(run.weight_form == WeightForm::log);
  CHECK(run.optimizer == OptimizerKind::adam);
  CHECK(run.lr == 3e-3);
  CHECK(run.momentum == 0);
  CHECK(run.loss == nn::Reduction::sum);
  CHECK(run.steps == kTrainSteps);
  CHECK(run.batch_size == 100);
  CHECK(run.eval_every == kTrainSteps / 100);
  CHECK(run.seed == 1);
}

TEST_CASE("parse: every option reaches the runs, before and behind the command") {
  const std::vector<const char*> words = {
      "--sigmas",    "2,0.5,1e3", "--balancer",      "equal",       "--alpha",       "-0.5",
      "--steps",     "7",         "--batch-size",    "9",           "--optimizer",   "sgd",
      "--lr",        "0.1",       "--weight-lr",     "0.2",         "--momentum",    "0.9",
      "--seed",      "5",         "--seeds",         "2",           "--threads",     "3",
      "--precision", "f64",       "--gradnorm-path", "closed_form", "--weight-form", "linear",
      "--inputs",    "unit",      "--data",          "fixed",       "--spread",      "variance",
      "--loss",      "sum",       "--eval-every",    "100",         "--out",         "some dir",
      "--balancer",  "gradnorm",  "--json",          "--quiet"};
  std::vector<const char*> before = words;
  before.push_back("train");
  std::vector<const char*> behind = words;
  behind.insert(behind.begin(), "train");
  for (const auto& line : {before, behind}) {
    const Options options = parse_words(line);
    CHECK(options.command == "train");
    CHECK(options.threads == 3);
    CHECK(options.out == "some dir");
    CHECK(options.json);
    CHECK(options.quiet);
    REQUIRE(options.runs.size() == 4);
    CHECK(options.runs[1].seed == 6);
    CHECK(options.runs[2].balancer == "gradnorm");
    const RunOptions& run = options.runs[0];
    CHECK(run.problem.sigmas == std::vector<double>{2, 0.5, 1000});
    CHECK(run.balancer == "equal");
    CHECK(run.alpha == -0.5);
    CHECK(run.steps == 7);
    CHECK(run.batch_size == 9);
    CHECK(run.optimizer == OptimizerKind::sgd);
    CHECK(run.lr == 0.1);
    CHECK(run.weight_lr == 0.2);
    CHECK(run.momentum == 0.9);
    CHECK(run.problem.dtype == DType::f64);
    CHECK(run.path == GradNormPath::closed_form);
    CHECK(run.weight_form == WeightForm::linear);
    CHECK(run.problem.inputs == Inputs::unit);
    CHECK(run.problem.data == Data::fixed);
    CHECK(run.problem.spread == Spread::variance);
    CHECK(run.loss == nn::Reduction::sum);
    CHECK(run.eval_every == 100);
  }
}

TEST_CASE("parse: --tasks or --sigmas make one panel of figure2") {
  CHECK(parse_words({"--tasks", "10"}).runs.size() == 9);
  CHECK(parse_words({"figure2", "--sigmas=3,4,5", "--seeds=1"}).runs.size() == 3);
  CHECK(parse_words({"train", "--tasks", "2", "--sigmas", "3,4"}).runs[0].problem.sigmas ==
        std::vector<double>{3, 4});
  CHECK(parse_words({"train", "--tasks", "1"}).runs[0].problem.sigmas == std::vector<double>{1});
}

TEST_CASE("parse: evaluations are a hundredth of the steps apart, at least one") {
  CHECK(parse_words({"--steps", "25000"}).runs[0].eval_every == 250);
  CHECK(parse_words({"--steps", "7"}).runs[0].eval_every == 1);
}

TEST_CASE("parse: 0 is a number, and every balancer of the library a name") {
  CHECK(parse_words({"--alpha", "0"}).runs[0].alpha == 0);
  for (const std::string_view name : balancer_names()) {
    CHECK(parse_words({"train", "--balancer", name.data()}).runs[0].balancer == name);
  }
}

TEST_CASE("parse: help and version are answers, wherever they stand") {
  CHECK(parse_words({"--version"}).answer == "toy_regression 0.1.0\n");
  CHECK(parse_words({"train", "--version"}).answer == "toy_regression 0.1.0\n");
  for (const auto& words :
       {std::vector<const char*>{"--help"}, {"-h"}, {"train", "--help"}, {"--help", "figure2"}}) {
    const std::string help = parse_words(words).answer;
    for (const char* name : {"--tasks",
                             "--sigmas",
                             "--balancer",
                             "--alpha",
                             "--steps",
                             "--batch-size",
                             "--optimizer",
                             "--lr",
                             "--weight-lr",
                             "--momentum",
                             "--seed",
                             "--seeds",
                             "--threads",
                             "--precision",
                             "--gradnorm-path",
                             "--weight-form",
                             "--inputs",
                             "--data",
                             "--spread",
                             "--loss",
                             "--eval-every",
                             "--out",
                             "--json",
                             "--quiet",
                             "--version",
                             "--jobs",
                             "--resume",
                             "--config",
                             "--checkpoint-every",
                             "--print-config",
                             "figure2",
                             "train"}) {
      CAPTURE(name);
      CHECK(help.find("\n  " + std::string(name) + " ") != std::string::npos);
    }
    CHECK(help.find("--steps 25000") != std::string::npos);
  }
}

TEST_CASE("parse: studies have defaults of their own") {
  const Options grid = parse_words({"grid-search", "--points", "7"});
  REQUIRE(grid.runs.size() == 2);
  CHECK(grid.runs[0].tasks() == 3);
  CHECK(grid.further);
  CHECK(parse_words({"alpha-sweep", "--alphas", "0,-1.5"}).runs[2].alpha == -1.5);
  CHECK(parse_words({"double-backprop", "--penalties", "0.5"}).runs[0].input_penalty == 0.5);
  CHECK(parse_words({"compare", "--balancer", "upgrad", "--seeds", "1"}).runs[0].balancer ==
        "upgrad");
  CHECK(parse_words({"--check"}).check);
}

TEST_CASE("parse: what --print-config prints repeats the runs exactly, defaults included") {
  const std::vector<std::vector<const char*>> lines = {
      {},
      {"train"},
      {"--tasks", "10"},
      {"train", "--sigmas", "0.1,1e-300,3", "--seed", "9007199254740990", "--seeds", "2"},
      {"--steps", "7", "--lr", "1e-05", "--weight-lr", "0.30000000000000004"},
      {"train", "--balancer", "pcgrad", "--balancer", "equal", "--alpha", "-0"},
      {"--optimizer", "sgd", "--momentum", "0.9", "--precision", "f64", "--loss", "mean"},
      {"--inputs", "unit", "--data", "fixed", "--spread", "variance", "--batch-size", "9"},
      {"--gradnorm-path", "closed_form", "--weight-form", "linear", "--eval-every", "3"},
      {"compare"},
      {"static", "--tasks", "3"},
      {"grid-search", "--points", "7"},
      {"alpha-sweep", "--alphas", "-1,0,0.1"},
      {"concordance"},
      {"double-backprop", "--penalties", "0,1e-05"},
  };
  for (std::vector<const char*> line : lines) {
    const Options options = parse_words(line);
    line.push_back("--print-config");
    const std::string printed = parse_words(line).answer;
    CHECK(printed == options.config);
    const OptionsFile file(printed);
    const Options again = parse_words({"--config", file.path.c_str()});
    CHECK(again.command == options.command);
    CHECK(again.runs == options.runs);
    CHECK(again.config == options.config);
  }
}

TEST_CASE("parse: --print-config names every option that results depend on, and no other") {
  const std::string printed = parse_words({"train", "--out", "some dir", "--threads", "3", "--jobs",
                                           "2", "--quiet", "--print-config"})
                                  .answer;
  for (const char* name : {"version = \"0.1.0\"",
                           "command = \"train\"",
                           "sigmas = [1, 100]",
                           "inputs = \"uniform\"",
                           "data = \"fresh\"",
                           "spread = \"std\"",
                           "loss = \"sum\"",
                           "balancer = [\"gradnorm\"]",
                           "alpha = 0.12",
                           "weight-lr = 0.025",
                           "weight-form = \"log\"",
                           "gradnorm-path = \"second_order\"",
                           "steps = 2000",
                           "batch-size = 100",
                           "optimizer = \"adam\"",
                           "lr = 0.003",
                           "momentum = 0",
                           "seed = 1",
                           "seeds = 1",
                           "precision = \"f32\"",
                           "eval-every = 20"}) {
    CAPTURE(name);
    CHECK(('\n' + printed).find('\n' + std::string(name) + '\n') != std::string::npos);
  }
  for (const char* other : {"out", "threads", "jobs", "quiet", "json", "some dir"}) {
    CHECK(printed.find(other) == std::string::npos);
  }
}

TEST_CASE("parse: options of the line win over those of the file") {
  const OptionsFile file(
      "command = \"train\"\nsteps = 5\nbalancer = [\"equal\", \"imtl_g\"]\nsigmas = [1, 2, 3]\n"
      "jobs = 3\nquiet = true\njson = false\nout = \"there\"\n");
  const Options options = parse_words({"--config", file.path.c_str()});
  CHECK(options.command == "train");
  REQUIRE(options.runs.size() == 2);
  CHECK(options.runs[0].steps == 5);
  CHECK(options.runs[0].problem.sigmas == std::vector<double>{1, 2, 3});
  CHECK(options.runs[1].balancer == "imtl_g");
  CHECK(options.jobs == 3);
  CHECK(options.out == "there");
  CHECK(options.quiet);
  CHECK_FALSE(options.json);
  const Options other = parse_words(
      {"figure2", "--config", file.path.c_str(), "--steps", "6", "--balancer", "dwa", "--json"});
  CHECK(other.command == "figure2");
  REQUIRE(other.runs.size() == 3);
  CHECK(other.runs[0].steps == 6);
  CHECK(other.runs[0].balancer == "dwa");
  CHECK(other.json);
}

TEST_CASE("parse: --resume takes the options of the study") {
  const Options whole = parse_words({"train", "--steps", "9", "--seeds", "3"});
  const OptionsFile file(whole.config);
  const std::string directory = file.path_to("");
  const Options options = parse_words({"--resume", directory.c_str(), "--jobs", "2", "--threads",
                                       "2", "--quiet", "--json", "--checkpoint-every", "4"});
  CHECK(options.resume);
  CHECK(options.out == directory);
  CHECK(options.runs == whole.runs);
  CHECK(options.config == whole.config);
  CHECK(options.jobs == 2);
  CHECK(options.checkpoint_every == 4);
  CHECK_FALSE(whole.resume);
}

}  // namespace
}  // namespace taskgrad::toy
