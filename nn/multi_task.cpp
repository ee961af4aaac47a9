#include <taskgrad/core/fail.h>
#include <taskgrad/nn/multi_task.h>

#include <algorithm>

namespace taskgrad::nn {

MultiTask::MultiTask(std::unique_ptr<Layer> trunk, std::vector<std::unique_ptr<Layer>> heads)
    : trunk_(std::move(trunk)), heads_(std::move(heads)) {
  if (heads_.empty()) fail<ConfigError>("MultiTask: at least one head is needed: 0 were given");
  if (trunk_ == nullptr ||
      !std::ranges::all_of(heads_, [](const auto& head) { return head != nullptr; })) {
    fail<ConfigError>("MultiTask: trunk and heads are layers: a null pointer was given");
  }
  parameters_ = parameters();
  std::size_t position = trunk_->parameters().size();
  head_begin_.push_back(position);
  for (const auto& head : heads_) head_begin_.push_back(position += head->parameters().size());

  for (std::size_t i = shared().size(); i-- > 0;) {
    if (!shared()[i].name.ends_with(".weight")) continue;
    anchor_ = {shared()[i]};
    return;
  }
  fail<ConfigError>(
      "MultiTask: the trunk needs a layer with a weight, as GradNorm's anchor: it has {} "
      "parameters",
      shared().size());
}

Var MultiTask::represent(const Var& x) const {
  const NameScope scope("trunk");
  return (*trunk_)(x);
}

List<Var> MultiTask::predict(const Var& representation) const {
  List<Var> predictions;
  predictions.reserve(heads_.size());
  for (int task = 0; task < tasks(); ++task) predictions.push_back(predict(representation, task));
  return predictions;
}

Var MultiTask::predict(const Var& representation, int task) const {
  if (task < 0 || task >= tasks()) {
    fail<ConfigError>("MultiTask::predict: tasks are 0 to {}: {}", tasks() - 1, task);
  }
  const std::string name = formatted("head.{}", task);
  const NameScope scope(name);
  return (*heads_[static_cast<std::size_t>(task)])(representation);
}

void MultiTask::visit(Visitor& visitor) {
  visitor("trunk", *trunk_);
  for (std::size_t i = 0; i < heads_.size(); ++i) visitor(formatted("head.{}", i), *heads_[i]);
}

std::span<const NamedParameter> MultiTask::head(int task) const {
  const auto at = static_cast<std::size_t>(task);
  return all().subspan(head_begin_[at], head_begin_[at + 1] - head_begin_[at]);
}

void MultiTask::set_anchor(std::span<const std::string_view> names) {
  std::vector<NamedParameter> chosen;
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(shared(), name, &NamedParameter::name);
    if (found == shared().end()) {
      fail<ConfigError>("MultiTask::set_anchor: a parameter of the trunk is needed: '{}'", name);
    }
    chosen.push_back(*found);
  }
  if (chosen.empty()) fail<ConfigError>("MultiTask::set_anchor: at least one name: 0 were given");
  anchor_ = std::move(chosen);
}

}  // namespace taskgrad::nn
