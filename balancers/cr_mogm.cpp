#include <taskgrad/balancers/cr_mogm.h>
#include <taskgrad/core/fail.h>

namespace taskgrad {
namespace {

constexpr std::string_view kInner = "inner.";

}  // namespace

CrMogm::CrMogm(int tasks, std::unique_ptr<Aggregator> inner, CrMogmOptions options)
    : options_(options), inner_(std::move(inner)), smoothed_(tasks, 1.0 / tasks) {
  if (tasks < 1) fail<ConfigError>("CrMogm: at least one task: {}", tasks);
  if (inner_ == nullptr) fail<ConfigError>("CrMogm: a method to smooth is needed: none was given");
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail<ConfigError>("CrMogm: momentum lies in [0, 1): {}", options.momentum);
  }
}

Vec CrMogm::gramian_weights(const Matrix& gramian, const Present& present) {
  const Vec fresh = inner_->gramian_weights(gramian, present);
  const double kept = options_.momentum;
  const Vec moved = kept * gather(smoothed_, present.tasks) + (1 - kept) * fresh;
  scatter(smoothed_, present.tasks, moved);
  return moved;
}

StateDict CrMogm::state() const {
  StateDict state;
  state.tensors["weights"] = to_tensor(smoothed_);
  for (const auto& [name, tensor] : inner_->state().tensors) {
    state.tensors[std::string(kInner) + name] = tensor;
  }
  return state;
}

void CrMogm::load(const StateDict& state) {
  StateDict inner;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(kInner)) inner.tensors[name.substr(kInner.size())] = tensor;
  }
  Vec smoothed = to_vec(required(state, "weights", {smoothed_.size()}, "cr_mogm::load"));
  inner_->load(inner);
  smoothed_ = std::move(smoothed);
}

void CrMogm::reset() {
  inner_->reset();
  smoothed_ = Vec(smoothed_.size(), 1.0 / smoothed_.size());
}

}  // namespace taskgrad
