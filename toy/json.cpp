#include <taskgrad/core/version.h>
#include <taskgrad/toy/findings.h>
#include <taskgrad/toy/json.h>

#include <nlohmann/json.hpp>

namespace taskgrad::toy {

using Json = nlohmann::ordered_json;

namespace {

Json findings_of(std::span<const RunResult> results) {
  Json list = Json::array();
  for (const Finding& finding : findings(results)) {
    list.push_back({{"symptom", name_of(finding.symptom)},
                    {"method", finding.method},
                    {"number", finding.number},
                    {"claim", finding.claim},
                    {"advice", finding.advice}});
  }
  return list;
}

}  // namespace

std::string to_json(std::span<const RunResult> results) {
  Json runs = Json::array();
  for (const RunResult& result : results) {
    if (result.history.empty() && result.error.empty()) continue;
    runs.push_back({{"balancer", result.balancer},
                    {"label", result.name()},
                    {"tasks", result.tasks},
                    {"sigmas", result.sigmas},
                    {"seed", result.seed},
                    {"steps", result.steps},
                    {"metric", result.metric},
                    {"metric_initial", result.metric_initial},
                    {"weights", result.weights},
                    {"mean_weights", result.mean_weights},
                    {"noisy_metric", result.noisy_metric},
                    {"input_slope", result.input_slope},
                    {"test_losses", result.test_losses},
                    {"initial_test_losses", result.initial_test_losses},
                    {"seconds", result.seconds},
                    {"fingerprint", result.fingerprint}});
  }
  return Json{{"version", kVersion}, {"runs", std::move(runs)}, {"findings", findings_of(results)}}
      .dump();
}

std::string to_json_line(const RunOptions& run, const Evaluation& evaluation) {
  const Json targets = evaluation.targets.empty() ? Json(nullptr) : Json(evaluation.targets);
  return Json{{"balancer", run.balancer},
              {"label", run.name()},
              {"seed", run.seed},
              {"tasks", run.tasks()},
              {"step", evaluation.step},
              {"train_losses", evaluation.train_losses},
              {"weights", evaluation.weights},
              {"grad_norms", evaluation.grad_norms},
              {"targets", targets},
              {"cosines", evaluation.cosines},
              {"test_losses", evaluation.test_losses},
              {"metric", evaluation.metric}}
      .dump();
}

}  // namespace taskgrad::toy
