// In the file: the state's tensors under their names; "result." the numbers of the result;
// "history." each quantity of all evaluations end to end, and how many numbers each has of it.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/safetensors.h>
#include <taskgrad/toy/checkpoint.h>
#include <taskgrad/toy/files.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace taskgrad::toy {
namespace {

constexpr std::pair<const char*, std::vector<double> Evaluation::*> kQuantities[] = {
    {"train_losses", &Evaluation::train_losses}, {"weights", &Evaluation::weights},
    {"grad_norms", &Evaluation::grad_norms},     {"targets", &Evaluation::targets},
    {"cosines", &Evaluation::cosines},           {"test_losses", &Evaluation::test_losses},
};

static_assert(sizeof(Evaluation) == sizeof(Evaluation::step) + sizeof(Evaluation::metric) +
                                        std::size(kQuantities) * sizeof(std::vector<double>),
              "all that an evaluation has must be saved");

Tensor to_tensor(const std::vector<double>& values) {
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64);
}

void save_history(const std::vector<Evaluation>& history, StateDict& file) {
  std::vector<double> steps, metrics;
  for (const Evaluation& evaluation : history) {
    steps.push_back(static_cast<double>(evaluation.step));
    metrics.push_back(evaluation.metric);
  }
  file.tensors["history.step"] = to_tensor(steps);
  file.tensors["history.metric"] = to_tensor(metrics);
  for (const auto& [name, quantity] : kQuantities) {
    std::vector<double> all, sizes;
    for (const Evaluation& evaluation : history) {
      const std::vector<double>& values = evaluation.*quantity;
      all.insert(all.end(), values.begin(), values.end());
      sizes.push_back(static_cast<double>(values.size()));
    }
    file.tensors[fmt::format("history.{}", name)] = to_tensor(all);
    file.tensors[fmt::format("history.{}.sizes", name)] = to_tensor(sizes);
  }
}

/// What a file has. Its checksum was right, so what is missing was never there.
class Contents {
 public:
  Contents(const StateDict& file, std::string_view where) : file_(file), where_(where) {}

  std::vector<double> numbers(const std::string& name) const {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) refuse(name);
    return found->second.values();
  }
  double number(const std::string& name) const {
    const std::vector<double> values = numbers(name);
    return values.size() == 1 ? values[0] : refuse(name);
  }
  const std::string& text(const std::string& name) const {
    const auto found = file_.text.find(name);
    if (found == file_.text.end()) refuse(name);
    return found->second;
  }
  [[noreturn]] double refuse(std::string_view name) const {
    fail<IoError>("{}: must be a checkpoint of this program: it has no {:?} of the right size",
                  where_, name);
  }

 private:
  const StateDict& file_;
  std::string_view where_;
};

std::vector<Evaluation> load_history(const Contents& file) {
  const std::vector<double> steps = file.numbers("history.step");
  const std::vector<double> metrics = file.numbers("history.metric");
  if (metrics.size() != steps.size()) file.refuse("history.metric");
  std::vector<Evaluation> history(steps.size());
  for (std::size_t i = 0; i < history.size(); ++i) {
    history[i].step = std::llround(steps[i]);
    history[i].metric = metrics[i];
  }
  for (const auto& [name, quantity] : kQuantities) {
    const std::vector<double> all = file.numbers(fmt::format("history.{}", name));
    const std::vector<double> sizes = file.numbers(fmt::format("history.{}.sizes", name));
    if (sizes.size() != history.size()) file.refuse(name);
    std::span<const double> rest = all;
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (!(sizes[i] >= 0 && sizes[i] <= static_cast<double>(rest.size()))) file.refuse(name);
      const auto size = static_cast<std::size_t>(sizes[i]);
      (history[i].*quantity).assign(rest.begin(), rest.begin() + std::ptrdiff_t(size));
      rest = rest.subspan(size);
    }
  }
  return history;
}

/// Of all bytes (FNV-1a).
std::string checksum(const StateDict& file, std::string_view where) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : encode_safetensors(file, where)) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

/// What a run is called in its checkpoint.
std::string title(const std::string& name, const std::vector<double>& sigmas, std::uint64_t seed) {
  return fmt::format("{} on {}, seed {}", name, fmt::join(sigmas, ","), seed);
}

bool is_part(const std::string& name) {
  return !name.starts_with("result.") && !name.starts_with("history.");
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                     std::string_view study) {
  const RunResult& result = checkpoint.result;
  StateDict file = checkpoint.state;
  file.text["study"] = study;
  file.text["run"] = title(result.name(), result.sigmas, result.seed);
  file.text["status"] = result.interrupted ? "under way" : "done";
  file.text["fingerprint"] = result.fingerprint;
  file.text["error"] = result.error;
  file.tensors["result.steps"] = Tensor::scalar(static_cast<double>(result.steps), DType::f64);
  file.tensors["result.seconds"] = Tensor::scalar(result.seconds, DType::f64);
  file.tensors["result.noisy_metric"] = Tensor::scalar(result.noisy_metric, DType::f64);
  file.tensors["result.input_slope"] = Tensor::scalar(result.input_slope, DType::f64);
  file.tensors["result.mean_weights"] = to_tensor(result.mean_weights);
  save_history(result.history, file);
  const std::string where = path.string();
  file.text["checksum"] = checksum(file, where);
  replace_file(path, encode_safetensors(file, where));
}

Checkpoint load_checkpoint(const std::filesystem::path& path, const RunOptions& run,
                           std::string_view study) {
  const std::string where = path.string();
  StateDict file = decode_safetensors(read_file(path), where);
  const std::string sum = std::exchange(file.text["checksum"], "");
  file.text.erase("checksum");
  if (sum != checksum(file, where)) {
    fail<IoError>(
        "{}: must be as it was written: the checksum differs [remove it to repeat its run]", where);
  }

  const Contents contents(file, where);
  const std::string wanted = title(run.name(), run.problem.sigmas, run.seed);
  if (contents.text("run") != wanted) {
    fail<IoError>("{}: must be of {}: it is of {}", where, wanted, contents.text("run"));
  }
  if (contents.text("study") != study) {
    fail<IoError>("{}: must have been saved under the options of its study: they are others",
                  where);
  }
  Checkpoint checkpoint{.result = {.balancer = run.balancer,
                                   .label = run.label,
                                   .tasks = run.tasks(),
                                   .sigmas = run.problem.sigmas,
                                   .seed = run.seed,
                                   .steps = std::llround(contents.number("result.steps")),
                                   .mean_weights = contents.numbers("result.mean_weights"),
                                   .noisy_metric = contents.number("result.noisy_metric"),
                                   .input_slope = contents.number("result.input_slope"),
                                   .seconds = contents.number("result.seconds"),
                                   .fingerprint = contents.text("fingerprint"),
                                   .error = contents.text("error"),
                                   .interrupted = contents.text("status") != "done",
                                   .history = load_history(contents)},
                        .state = {}};
  conclude(checkpoint.result);
  for (const auto& [name, tensor] : file.tensors) {
    if (is_part(name)) checkpoint.state.tensors.emplace(name, tensor);
  }
  return checkpoint;
}

}  // namespace taskgrad::toy
