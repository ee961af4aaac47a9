// A shared trunk with one head a task.
#pragma once

#include <taskgrad/core/memory.h>
#include <taskgrad/nn/module.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad::nn {

/// `count` layers, each made by its own call.
template <class Make>
auto repeat(int count, Make make) {
  std::vector<std::unique_ptr<Layer>> layers;
  for (int i = 0; i < count; ++i) {
    layers.push_back(std::make_unique<decltype(make())>(make()));
  }
  return layers;
}

/// Hard parameter sharing: task i predicts heads[i](trunk(x)).
///
/// The anchor is the W of GradNorm: by default the weight of the last layer of the trunk that has
/// one ("generally the last shared layer", Chen et al. 2018, section 3.1), without its bias.
class MultiTask : public Module {
 public:
  /// Throws ConfigError without heads, or when the trunk has no parameter named "weight".
  template <class Trunk>
  MultiTask(Trunk trunk, std::vector<std::unique_ptr<Layer>> heads)
      : MultiTask(std::unique_ptr<Layer>(std::make_unique<Trunk>(std::move(trunk))),
                  std::move(heads)) {}
  MultiTask(std::unique_ptr<Layer> trunk, std::vector<std::unique_ptr<Layer>> heads);

  int tasks() const { return static_cast<int>(heads_.size()); }
  /// One prediction a task.
  List<Var> operator()(const Var& x) const { return predict(represent(x)); }
  /// The two halves of it: the output of the trunk, and what the heads make of one.
  Var represent(const Var& x) const;
  List<Var> predict(const Var& representation) const;
  /// That of one task. A loss that is made right after its prediction finds it in the cache, and so
  /// does the backward pass. Throws ConfigError for a task that is not there.
  Var predict(const Var& representation, int task) const;
  void visit(Visitor& visitor) override;

  /// All parameters: the trunk's first, then each head's.
  std::span<const NamedParameter> all() const { return parameters_; }
  std::span<const NamedParameter> shared() const { return all().first(head_begin_[0]); }
  std::span<const NamedParameter> head(int task) const;

  /// What the norms of GradNorm are taken over; chosen by full names, such as
  /// {"trunk.6.weight", "trunk.6.bias"}. Throws ConfigError for a name that is not in the trunk.
  std::span<const NamedParameter> anchor() const { return anchor_; }
  void set_anchor(std::span<const std::string_view> names);

 private:
  std::unique_ptr<Layer> trunk_;
  std::vector<std::unique_ptr<Layer>> heads_;
  std::vector<NamedParameter> parameters_;
  std::vector<std::size_t> head_begin_;  // where each head starts in parameters_, and the end
  std::vector<NamedParameter> anchor_;
};

}  // namespace taskgrad::nn
