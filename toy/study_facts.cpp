#include <taskgrad/toy/study_page.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace taskgrad::toy {
namespace {

std::string word(Inputs inputs) {
  switch (inputs) {
    case Inputs::uniform:
      return "uniform in (-1, 1)";
    case Inputs::normal:
      return "normal";
    case Inputs::unit:
      return "unit length";
  }
  return "";
}

std::string word(Data data) {
  return data == Data::fresh ? "fresh every step" : "a fixed set of examples";
}

std::string word(Spread spread) {
  return spread == Spread::deviation ? "standard deviations" : "variances";
}

std::string word(nn::Reduction reduction) {
  return reduction == nn::Reduction::mean ? "mean" : "sum";
}

std::string optimizer(const RunOptions& run) {
  if (run.optimizer == OptimizerKind::adam) return fmt::format("adam, learning rate {}", run.lr);
  return fmt::format("sgd, learning rate {}, momentum {}", run.lr, run.momentum);
}

std::string gradnorm(const RunOptions& run) {
  return fmt::format("{}, weights moved by their {}",
                     run.path == GradNormPath::second_order ? "second-order graph" : "closed form",
                     run.weight_form == WeightForm::log ? "logarithm" : "value");
}

using Field = std::pair<const char*, std::function<std::string(const RunOptions&)>>;

const Field kFields[] = {
    {"scales σ",
     [](const auto& run) { return fmt::format("({})", fmt::join(run.problem.sigmas, ", ")); }},
    {"steps", [](const auto& run) { return fmt::format("{}", run.steps); }},
    {"batch", [](const auto& run) { return fmt::format("{} examples", run.batch_size); }},
    {"optimizer", optimizer},
    {"loss", [](const auto& run) { return word(run.loss) + " of squares over the outputs"; }},
    {"data", [](const auto& run) { return word(run.problem.data); }},
    {"inputs", [](const auto& run) { return word(run.problem.inputs); }},
    {"N(0, 10), N(0, 3.5)", [](const auto& run) { return word(run.problem.spread); }},
    {"precision", [](const auto& run) { return run.problem.dtype == DType::f32 ? "f32" : "f64"; }},
    {"network",
     [](const auto& run) {
       return fmt::format("{} inputs, four layers of {}, heads of {} outputs",
                          run.problem.input_size, run.width, run.problem.output_size);
     }},
    {"gradnorm", gradnorm},
    {"alpha of gradnorm", [](const auto& run) { return fmt::format("{}", run.alpha); }},
    {"learning rate of weights", [](const auto& run) { return fmt::format("{}", run.weight_lr); }},
    {"input penalty", [](const auto& run) { return fmt::format("{}", run.input_penalty); }},
    {"evaluated",
     [](const auto& run) {
       return fmt::format("every {} steps, on {} test examples", run.eval_every,
                          run.problem.test_examples);
     }},
};

}  // namespace

Facts option_facts(std::span<const RunOptions> runs) {
  constexpr std::size_t kMost = 12;
  Facts facts;
  for (const auto& [name, text] : kFields) {
    std::vector<std::string> values;
    for (const RunOptions& run : runs) {
      const std::string value = text(run);
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
      if (values.size() > kMost) break;
    }
    if (values.size() > kMost) values.back() = "...";
    if (!values.empty()) facts.rows.emplace_back(name, fmt::format("{}", fmt::join(values, "; ")));
  }
  return facts;
}

}  // namespace taskgrad::toy
