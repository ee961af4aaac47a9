// Mistakes in a command line or a file of options, each with its error. What is read:
// options_test.cpp.
#include <taskgrad/toy/options.h>

#include <doctest/doctest.h>

#include "command_line.h"
#include <string>
#include <string_view>

namespace taskgrad::toy {
namespace {

using test::error_of;
using test::OptionsFile;
using test::parse_words;

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

TEST_CASE("parse: studies refuse what they do not use") {
  CHECK(error_of({"train", "--check"}) == "--check: must be used with figure2: \"train\"");
  CHECK(error_of({"static", "--balancer", "equal"}) ==
        "--balancer: must be left out: static has its own methods: \"equal\"");
  CHECK(error_of({"alpha-sweep", "--alphas", "1,x"}) ==
        "--alphas: must be finite numbers with commas between, such as 0,0.5: \"1,x\"");
}

TEST_CASE("parse: checkpoints need a place to go, on the line or in the file") {
  const std::string text =
      "--checkpoint-every: must be used with --out, where checkpoints go: \"5\"";
  CHECK(error_of({"train", "--checkpoint-every", "5"}) == text);
  const OptionsFile file("checkpoint-every = 5\n");
  CHECK(error_of({"--config", file.path.c_str()}) == text);
  const Options options = parse_words({"train", "--checkpoint-every", "5", "--out", "some dir"});
  CHECK(options.checkpoint_every == 5);
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

TEST_CASE("parse: a file with a mistake in it") {
  const auto error = [](const std::string& text) {
    const OptionsFile file(text);
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

TEST_CASE("parse: --resume refuses options that would change the study") {
  const OptionsFile file(parse_words({"train", "--steps", "9", "--seeds", "3"}).config);
  const std::string directory = file.path_to("");
  const std::string left_out = ": must be left out with --resume, which takes it from the study: ";
  for (const char* name : {"--steps", "--seed", "--sigmas", "--balancer", "--eval-every", "--out",
                           "--config", "--precision"}) {
    CHECK(error_of({"--resume", directory.c_str(), name, "5"}) == name + left_out + "\"5\"");
  }
  CHECK(error_of({"train", "--resume", directory.c_str()}) == "command" + left_out + "\"train\"");
  CHECK(error_of({"--resume", "/nowhere"}) ==
        "--resume: must be a directory that --out made, with study.toml: \"/nowhere\"");
  const OptionsFile old("version = \"0.0.9\"\n");
  CHECK(error_of({"--resume", old.path_to("").c_str()}) ==
        "--resume: must be a study of this version, 0.1.0: \"0.0.9\"");
}

}  // namespace
}  // namespace taskgrad::toy
