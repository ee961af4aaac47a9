#include <taskgrad/core/fail.h>
#include <taskgrad/core/version.h>
#include <taskgrad/toy/config.h>
#include <taskgrad/toy/option_specs.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

namespace taskgrad::toy {
namespace {

const Spec kSpecs[] = {
    {"Problem", "--tasks", "N", "number of tasks (figure2: 2, then 10; grid-search: 3; others: 2)"},
    {"Problem", "--sigmas", "A,B,..", "scale of each task (by --tasks; see below)"},
    {"Problem", "--inputs", "KIND", "uniform in (-1, 1), normal, or unit length (uniform)"},
    {"Problem", "--data", "KIND", "fresh batches, or a fixed set of 10000 examples (fresh)"},
    {"Problem", "--spread", "KIND", "read N(0, 10) by std or by variance (std)"},
    {"Problem", "--loss", "KIND", "mean or sum of squares over the outputs (sum)"},
    {"Method", "--balancer", "NAME", "a method, repeatable; of figure2, train and compare"},
    {"Method", "--alpha", "X", "pull of gradnorm to equal training rates (0.12)"},
    {"Method", "--weight-lr", "X", "learning rate of the task weights (0.025)"},
    {"Method", "--weight-form", "FORM", "gradnorm moves its weights linear or by log (log)"},
    {"Method", "--gradnorm-path", "PATH", "second_order or closed_form (second_order)"},
    {"Study", "--alphas", "A,B,..", "of alpha-sweep (-1,-0.5,0,0.12,0.5,1,1.5,2,3)"},
    {"Study", "--points", "N", "weight vectors of grid-search (100)"},
    {"Study", "--penalties", "A,B,..", "of double-backprop (0,0.01,0.1,1)"},
    {"Training", "--steps", "N", "updates in each run (train: {}; others: {})"},
    {"Training", "--batch-size", "N", "examples in each step (100)"},
    {"Training", "--optimizer", "NAME", "adam or sgd, of the network (adam)"},
    {"Training", "--lr", "X", "learning rate of the network (0.003)"},
    {"Training", "--momentum", "X", "of sgd, from 0 to below 1 (0)"},
    {"Training", "--seed", "N", "the first seed (1)"},
    {"Training", "--seeds", "N",
     "number of seeds, counting up (figure2, compare, static: 3; others: 1)"},
    {"Training", "--precision", "TYPE", "f32 or f64 (f32)"},
    {"Training", "--eval-every", "N", "steps between evaluations (a hundredth of --steps)"},
    {"Running", "--threads", "N", "in all; no influence on results (all cores)"},
    {"Running", "--jobs", "N", "runs side by side; no influence either (--threads)"},
    {"Running", "--resume", "DIR", "go on with the study that --out DIR began"},
    {"Running", "--checkpoint-every", "N", "steps between checkpoints in --out (20 a run)"},
    {"Running", "--config", "FILE", "read options from TOML; those given here win"},
    {"Output", "--check", "", "figure2 fails unless gradnorm ends below equal weights"},
    {"Output", "--print-config", "", "print the options in force as TOML and exit"},
    {"Output", "--out", "DIR", "write report.html, metrics and what --resume needs to DIR"},
    {"Output", "--json", "", "print one JSON object and nothing else on stdout"},
    {"Output", "--quiet", "", "no progress on stderr"},
    {"Output", "--version", "", "print the version and exit"},
};

}  // namespace

std::span<const Spec> specs() { return kSpecs; }

bool is_of_study(const Spec& spec) { return spec.group != "Running" && spec.group != "Output"; }

std::string config_of(const Arguments& given, std::string_view command) {
  std::string text = fmt::format("version = \"{}\"\ncommand = \"{}\"\n", kVersion, command);
  std::string_view group;
  for (const Spec& spec : kSpecs) {
    const std::optional<std::string> value = given.in_force(spec.name);
    if (!is_of_study(spec) || !value) continue;
    if (group != spec.group) text += fmt::format("\n# {}\n", group = spec.group);
    text += fmt::format("{} = {}\n", spec.name.substr(2), *value);
  }
  return text;
}

void add_file(const std::string& path, Arguments& given) {
  constexpr std::string_view kNever[] = {"--resume", "--config", "--print-config", "--version"};
  for (const auto& [key, texts] : read_config(path)) {
    const bool about = key == "version" || key == "command";
    const std::string name = about ? key : "--" + key;
    const auto spec = std::find_if(std::begin(kSpecs), std::end(kSpecs),
                                   [&name = name](const Spec& s) { return s.name == name; });
    const bool never = std::find(std::begin(kNever), std::end(kNever), name) != std::end(kNever);
    if (!about && (spec == std::end(kSpecs) || never)) {
      fail<ConfigError>("{}: must set options that --help lists: {:?}", path, key);
    }
    const bool list = !about && spec->value.find(',') != std::string::npos;
    if (given.all(name).empty()) {
      given.add(name, list ? std::vector{fmt::format("{}", fmt::join(texts, ","))} : texts);
    }
  }
}

}  // namespace taskgrad::toy
