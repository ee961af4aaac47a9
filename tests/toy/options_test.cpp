#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/options.h>

#include <doctest/doctest.h>

#include "disk.h"
#include <algorithm>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

Options parse_words(std::vector<const char*> words) {
  words.insert(words.begin(), "toy_regression");
  return parse(static_cast<int>(words.size()), words.data());
}

std::string error_of(std::vector<const char*> words) {
  try {
    parse_words(std::move(words));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

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

TEST_CASE("parse: numbers") {
  const std::string steps = "--steps: must be a whole number from 1 to 1000000000: ";
  for (const char* bad : {"0", "-5", "abc", "1.5", "1e3", "nan", "", " 5", "5 ", "+5", "0x10",
                          "1000000001", "99999999999999999999999"}) {
    CHECK(error_of({"--steps", bad}) == steps + '"' + bad + '"');
  }
  CHECK(error_of({"--steps", "two\nlines"}) == steps + "\"two\\nlines\"");
  for (const char* name : {"--lr", "--weight-lr"}) {
    for (const char* bad : {"0", "-1", "nan", "inf", "1e999", "1e-999", "x", "", "0.1x"}) {
      CHECK(error_of({name, bad}) ==
            std::string(name) + ": must be a number above 0: \"" + bad + '"');
    }
  }
  for (const char* bad : {"nan", "inf", "-inf", "a", ""}) {
    CHECK(error_of({"--alpha", bad}) ==
          std::string("--alpha: must be a finite number: \"") + bad + '"');
  }
  CHECK(parse_words({"--alpha", "0"}).runs[0].alpha == 0);
  for (const char* bad : {"1", "-0.1", "nan", "2"}) {
    CHECK(error_of({"--momentum", bad, "--optimizer", "sgd"}) ==
          std::string("--momentum: must be a number from 0 to below 1: \"") + bad + '"');
  }
  CHECK(error_of({"--momentum", "0.9"}) ==
        "--momentum: must be 0 unless --optimizer is sgd: \"0.9\"");
  CHECK(error_of({"--batch-size", "0"}) ==
        "--batch-size: must be a whole number from 1 to 100000: \"0\"");
  CHECK(error_of({"--eval-every", "0"}) ==
        "--eval-every: must be a whole number from 1 to 1000000000: \"0\"");
  CHECK(error_of({"--threads", "0"}) == "--threads: must be a whole number from 1 to 1024: \"0\"");
  CHECK(error_of({"--tasks", "0"}) == "--tasks: must be a whole number from 1 to 1000: \"0\"");
  CHECK(error_of({"--seeds", "0"}) == "--seeds: must be a whole number from 1 to 10000: \"0\"");
  CHECK(error_of({"--seed", "-1", "--seeds", "1"}) ==
        "--seed: must be a whole number from 0 to 9007199254740991: \"-1\"");
  CHECK(error_of({"--seed", "9007199254740991", "--seeds", "2"}) ==
        "--seed: must be a whole number from 0 to 9007199254740990: \"9007199254740991\"");
}

TEST_CASE("parse: sigmas") {
  for (const char* bad : {"", ",", "1,", "1,,2", "1,-2", "0", "nan", "1,inf", "1;2", "1, 2"}) {
    CHECK(error_of({"--sigmas", bad}) ==
          std::string("--sigmas: must be numbers above 0 with commas between, such as 1,100: \"") +
              bad + '"');
  }
  CHECK(error_of({"--sigmas", "1,2", "--tasks", "3"}) ==
        "--sigmas: must be as many numbers as --tasks, 3: \"1,2\"");
}

TEST_CASE("parse: names") {
  for (const std::string name : {"gradnrom", ""}) {
    const std::string text = error_of({"--balancer", name.c_str()});
    CHECK(text.starts_with("--balancer: must be one of equal, static, rlw, "));
    CHECK(text.ends_with(", forum: \"" + name + '"'));
  }
  for (const std::string_view name : balancer_names()) {
    CHECK(error_of({"train", "--balancer", name.data()}) == "no error");
  }
  CHECK(error_of({"--balancer", "equal", "--balancer", "equal"}) ==
        "--balancer: must be given once for each method: \"equal\"");
  CHECK(error_of({"--optimizer", "Adam"}) == "--optimizer: must be one of adam, sgd: \"Adam\"");
  CHECK(error_of({"--precision", "f16"}) == "--precision: must be one of f32, f64: \"f16\"");
  CHECK(error_of({"--gradnorm-path", "x"}) ==
        "--gradnorm-path: must be one of second_order, closed_form: \"x\"");
  CHECK(error_of({"--weight-form", "x"}) == "--weight-form: must be one of linear, log: \"x\"");
  CHECK(error_of({"--inputs", "x"}) == "--inputs: must be one of uniform, normal, unit: \"x\"");
  CHECK(error_of({"--data", "x"}) == "--data: must be one of fresh, fixed: \"x\"");
  CHECK(error_of({"--spread", "x"}) == "--spread: must be one of std, variance: \"x\"");
  CHECK(error_of({"--loss", "x"}) == "--loss: must be one of mean, sum: \"x\"");
  CHECK(error_of({"--out", ""}) == "--out: must be the name of a directory: \"\"");
}

TEST_CASE("parse: studies have defaults of their own, and refuse what they do not use") {
  const Options grid = parse_words({"grid-search", "--points", "7"});
  REQUIRE(grid.runs.size() == 2);
  CHECK(grid.runs[0].tasks() == 3);
  CHECK(grid.further);
  CHECK(parse_words({"alpha-sweep", "--alphas", "0,-1.5"}).runs[2].alpha == -1.5);
  CHECK(parse_words({"double-backprop", "--penalties", "0.5"}).runs[0].input_penalty == 0.5);
  CHECK(parse_words({"compare", "--balancer", "upgrad", "--seeds", "1"}).runs[0].balancer ==
        "upgrad");
  CHECK(parse_words({"--check"}).check);
  CHECK(error_of({"train", "--check"}) == "--check: must be used with figure2: \"train\"");
  CHECK(error_of({"static", "--balancer", "equal"}) ==
        "--balancer: must be left out: static has its own methods: \"equal\"");
  CHECK(error_of({"alpha-sweep", "--alphas", "1,x"}) ==
        "--alphas: must be finite numbers with commas between, such as 0,0.5: \"1,x\"");
}

TEST_CASE("parse: words that do not belong") {
  const std::string kCommand =
      "command: must be one of figure2, train, compare, static, grid-search, alpha-sweep, "
      "concordance, double-backprop, once: ";
  CHECK(error_of({"--step", "5"}) == "option: must be one of those in --help: \"--step\"");
  CHECK(error_of({"train", "-x"}) == "option: must be one of those in --help: \"-x\"");
  CHECK(error_of({"trian"}) == kCommand + "\"trian\"");
  CHECK(error_of({"train", "figure2"}) == kCommand + "\"figure2\"");
  CHECK(error_of({"train", "--balancer", "equal", "gradnorm"}) == kCommand + "\"gradnorm\"");
  CHECK(error_of({"--steps", "5", "--steps", "6"}) == "--steps: must be given once: \"5, 6\"");
  CHECK(error_of({"--steps"}) == "--steps: must be followed by a value: none was given");
  CHECK(error_of({"train", "--out"}) == "--out: must be followed by a value: none was given");
  CHECK(error_of({"--steps", "--quiet"}) ==
        "--steps: must be a whole number from 1 to 1000000000: \"--quiet\"");
  CHECK(error_of({"--json=3"}).starts_with("--json: must be used as --help says: "));
  CHECK(error_of({"--json=3"}).find('\n') == std::string::npos);
}

/// A file of options, gone at the end.
class File {
 public:
  explicit File(const std::string& text) { replace_file(path, text); }
  std::string path_to(const char* name) const { return directory_ / name; }

 private:
  test::TemporaryDirectory directory_;

 public:
  const std::string path = directory_ / "study.toml";
};

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
    const File file(printed);
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
  const File file(
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

TEST_CASE("parse: a file with a mistake in it") {
  const auto error = [](const std::string& text) {
    const File file(text);
    const std::string found = error_of({"--config", file.path.c_str()});
    const std::size_t at = found.find(file.path);
    return at == std::string::npos ? found : "FILE" + found.substr(at + file.path.size());
  };
  for (const char* key :
       {"stepz", "config", "resume", "print-config", "help", "Steps", "--steps"}) {
    CHECK(error(std::string(key) + " = 5\n") ==
          std::string("FILE: must set options that --help lists: \"") + key + '"');
  }
  CHECK(error("[train]\nsteps = 5\n") == "FILE: must set options that --help lists: \"[train]\"");
  CHECK(error("steps = many\n") ==
        "--steps: must be a whole number from 1 to 1000000000: \"many\"");
  CHECK(error("steps = [5, 6]\n") == "--steps: must be given once: \"5, 6\"");
  CHECK(error("command = \"trian\"\n") ==
        "command: must be one of figure2, train, compare, static, grid-search, alpha-sweep, "
        "concordance, double-backprop: \"trian\"");
  CHECK(error("quiet = 3\n") == "--quiet: must be one of true, false: \"3\"");
}

TEST_CASE("parse: --resume takes the options of the study, and refuses others that change it") {
  const Options whole = parse_words({"train", "--steps", "9", "--seeds", "3"});
  const File file(whole.config);
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

  const std::string left_out = ": must be left out with --resume, which takes it from the study: ";
  for (const char* name : {"--steps", "--seed", "--sigmas", "--balancer", "--eval-every", "--out",
                           "--config", "--precision"}) {
    CHECK(error_of({"--resume", directory.c_str(), name, "5"}) == name + left_out + "\"5\"");
  }
  CHECK(error_of({"train", "--resume", directory.c_str()}) == "command" + left_out + "\"train\"");
  CHECK(error_of({"--resume", "/nowhere"}) ==
        "--resume: must be a directory that --out made, with study.toml: \"/nowhere\"");
  const File old("version = \"0.0.9\"\n");
  CHECK(error_of({"--resume", old.path_to("").c_str()}) ==
        "--resume: must be a study of this version, 0.1.0: \"0.0.9\"");
}

}  // namespace
}  // namespace taskgrad::toy
