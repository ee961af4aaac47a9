#include "libtorch_step.h"

#include <cstdint>
#include <dlfcn.h>
#include <filesystem>
#include <torch/torch.h>

namespace bench {
namespace {

constexpr int kInputs = 250, kWidth = 100, kLayers = 4;
constexpr double kAlpha = 0.12, kLr = 1e-3, kLrWeights = 0.025, kFloor = 1e-4;

void set_threads(int threads) {
  [[maybe_unused]] static const bool once = (at::set_num_interop_threads(1), true);
  at::set_num_threads(threads);
  // OpenBLAS with threads of its own does not hear of the line above.
  using SetThreads = void(int);
  if (void* set = dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))
    reinterpret_cast<SetThreads*>(set)(threads);
}

torch::Tensor borrow(const float* values, torch::IntArrayRef sizes) {
  return torch::from_blob(const_cast<float*>(values), sizes);
}

}  // namespace

struct LibtorchGradNorm::State {
  torch::nn::Sequential trunk;
  std::vector<torch::nn::Linear> heads;
  std::vector<torch::Tensor> params;
  torch::Tensor shared;  // the weight matrix the norms are taken at
  torch::Tensor w;
  std::unique_ptr<torch::optim::Adam> network_adam, weight_adam;
  torch::Tensor x, y, first_losses;
  std::int64_t batch;
};

LibtorchGradNorm::LibtorchGradNorm(int tasks, int batch, int threads)
    : state_(std::make_unique<State>()) {
  set_threads(threads);
  torch::manual_seed(1);
  State& s = *state_;
  s.batch = batch;
  for (int i = 0; i < kLayers; ++i) {
    torch::nn::Linear layer(i == 0 ? kInputs : kWidth, kWidth);
    s.shared = layer->weight;
    s.trunk->push_back(layer);
    s.trunk->push_back(torch::nn::ReLU());
  }
  s.params = s.trunk->parameters();
  for (int i = 0; i < tasks; ++i) {
    torch::nn::Linear head(kWidth, kWidth);
    s.heads.push_back(head);
    s.params.insert(s.params.end(), {head->weight, head->bias});
  }
  s.w = torch::ones(tasks, torch::requires_grad());
  s.network_adam = std::make_unique<torch::optim::Adam>(s.params, kLr);
  s.weight_adam = std::make_unique<torch::optim::Adam>(std::vector{s.w}, kLrWeights);
}

LibtorchGradNorm::~LibtorchGradNorm() = default;

void LibtorchGradNorm::set_batch(const float* x, const float* y) {
  State& s = *state_;
  s.x = borrow(x, {s.batch, kInputs}).clone();
  s.y = borrow(y, {s.w.numel(), s.batch, kWidth}).clone();
}

void LibtorchGradNorm::load(int index, const float* values) {
  torch::NoGradGuard no_grad;
  torch::Tensor& p = state_->params.at(static_cast<std::size_t>(index));
  p.copy_(borrow(values, p.sizes()));
}

void LibtorchGradNorm::step() {
  using torch::autograd::grad;
  State& s = *state_;

  const torch::Tensor features = s.trunk->forward(s.x);
  const std::vector<torch::Tensor> w = s.w.unbind(), y = s.y.unbind();
  std::vector<torch::Tensor> task_losses, task_norms;
  for (std::size_t i = 0; i < s.heads.size(); ++i) {
    task_losses.push_back(torch::mse_loss(s.heads[i]->forward(features), y[i]));
    const auto gradient = grad({w[i] * task_losses[i]}, {s.shared}, {}, /*retain_graph=*/true,
                               /*create_graph=*/true);
    task_norms.push_back(gradient[0].norm());
  }
  const torch::Tensor losses = torch::stack(task_losses), norms = torch::stack(task_norms);

  torch::Tensor targets;
  {
    torch::NoGradGuard no_grad;
    if (!s.first_losses.defined()) s.first_losses = losses.detach();
    const torch::Tensor ratio = losses / s.first_losses;
    targets = norms.mean() * (ratio / ratio.mean()).pow(kAlpha);
  }
  s.w.mutable_grad() = grad({(norms - targets).abs().sum()}, {s.w}, {}, /*retain_graph=*/true)[0];

  const auto grads = grad({s.w.detach().dot(losses)}, s.params);
  for (std::size_t i = 0; i < grads.size(); ++i) s.params[i].mutable_grad() = grads[i];
  s.network_adam->step();

  s.weight_adam->step();
  torch::NoGradGuard no_grad;
  s.w.clamp_min_(kFloor);
  s.w.mul_(s.w.numel() / s.w.sum());
}

std::vector<double> LibtorchGradNorm::weights() const {
  const torch::Tensor w = state_->w.detach().to(torch::kDouble);
  return {w.data_ptr<double>(), w.data_ptr<double>() + w.numel()};
}

std::string libtorch_blas() {
  Dl_info info{};
  void* gemm = dlsym(RTLD_DEFAULT, "sgemm_");
  if (gemm == nullptr || dladdr(gemm, &info) == 0) return {};
  return std::filesystem::canonical(info.dli_fname).string();
}

}  // namespace bench
