#include "libtorch_steps.h"

#include <dlfcn.h>
#include <filesystem>
#include <functional>
#include <torch/torch.h>

namespace bench {
namespace {

namespace nn = torch::nn;
using torch::Tensor;
using Tensors = std::vector<Tensor>;

Tensor tensor_of(const std::vector<float>& values, torch::IntArrayRef sizes) {
  return torch::from_blob(const_cast<float*>(values.data()), sizes).clone();
}

template <class T>
std::vector<T> numbers(const Tensor& tensor) {
  const Tensor packed = tensor.detach().contiguous().to(torch::CppTypeToScalarType<T>());
  return {packed.data_ptr<T>(), packed.data_ptr<T>() + packed.numel()};
}

struct Model {
  nn::Sequential trunk;
  std::vector<nn::Linear> heads;
  Tensor shared;  // the weight matrix the norms are taken at

  Tensors parameters() const {
    Tensors all = trunk->parameters();
    for (const nn::Linear& head : heads) {
      all.insert(all.end(), {head->weight, head->bias});
    }
    return all;
  }
};

Model make_model(const MlpSizes& sizes) {
  Model model;
  for (int i = 0; i < kMlpLayers; ++i) {
    nn::Linear layer(i == 0 ? sizes.inputs : sizes.width, sizes.width);
    model.shared = layer->weight;
    model.trunk->push_back(layer);
    model.trunk->push_back(nn::ReLU());
  }
  for (int i = 0; i < sizes.tasks; ++i) model.heads.emplace_back(sizes.width, sizes.outputs);
  return model;
}

Model make_lenet() {
  const nn::Linear last(kLenetFeatures, kLenetWidth);
  const auto [first, second] = kLenetChannels;
  Model model{nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, first, 5)), nn::MaxPool2d(2),
                             nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(first, second, 5)),
                             nn::MaxPool2d(2), nn::ReLU(), nn::Flatten(), last, nn::ReLU()),
              {},
              last->weight};
  for (int i = 0; i < kLenetTasks; ++i) model.heads.emplace_back(kLenetWidth, kLenetClasses);
  return model;
}

class LibtorchTrainer : public Trainer {
 public:
  using Losses = std::function<Tensors(Model&)>;

  LibtorchTrainer(Model model, const Parameters& start, Losses task_losses, Balance balance)
      : model_(std::move(model)),
        task_losses_(std::move(task_losses)),
        balanced_(balance != Balance::plain),
        params_(model_.parameters()),
        w_(torch::ones(static_cast<std::int64_t>(model_.heads.size()), torch::requires_grad())),
        network_adam_(params_, kLr),
        weight_adam_({w_}, kWeightLr) {
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < params_.size(); ++i) {
      params_[i].copy_(tensor_of(start.at(i), params_[i].sizes()));
    }
  }

  void step() override {
    const Tensors task_losses = task_losses_(model_);
    const Tensor losses = torch::stack(task_losses);
    losses_ = losses.detach();
    if (balanced_) differentiate_weights(task_losses);
    update_network(balanced_ ? w_.detach().dot(losses) : losses.sum());
    if (balanced_) update_weights();
  }

  std::vector<double> losses() const override { return numbers<double>(losses_); }
  std::vector<double> weights() const override { return numbers<double>(w_); }
  Parameters parameters() const override {
    Parameters all;
    for (const Tensor& parameter : params_) all.push_back(numbers<float>(parameter));
    return all;
  }

 private:
  // dL_grad/dw through the graph of the gradients at W.
  void differentiate_weights(const Tensors& task_losses) {
    using torch::autograd::grad;
    const Tensors w = w_.unbind();
    Tensors task_norms;
    for (std::size_t i = 0; i < task_losses.size(); ++i) {
      const auto gradient = grad({w[i] * task_losses[i]}, {model_.shared}, {},
                                 /*retain_graph=*/true, /*create_graph=*/true);
      task_norms.push_back(gradient[0].norm());
    }
    const Tensor norms = torch::stack(task_norms);
    Tensor targets;
    {
      torch::NoGradGuard no_grad;
      if (!first_losses_.defined()) first_losses_ = losses_;
      const Tensor ratio = losses_ / first_losses_;
      targets = norms.mean() * (ratio / ratio.mean()).pow(kAlpha);
    }
    w_.mutable_grad() = grad({(norms - targets).abs().sum()}, {w_}, {}, /*retain_graph=*/true)[0];
  }

  void update_network(const Tensor& loss) {
    const Tensors grads = torch::autograd::grad({loss}, params_);
    for (std::size_t i = 0; i < grads.size(); ++i) params_[i].mutable_grad() = grads[i];
    network_adam_.step();
  }

  void update_weights() {
    weight_adam_.step();
    torch::NoGradGuard no_grad;
    w_.clamp_min_(kMinWeight);
    w_.mul_(static_cast<double>(w_.numel()) / w_.sum());
  }

  Model model_;
  Losses task_losses_;
  bool balanced_;
  Tensors params_;
  Tensor w_;
  torch::optim::Adam network_adam_, weight_adam_;
  Tensor losses_, first_losses_;
};

std::string file_of(void* symbol) {
  Dl_info info{};
  if (symbol == nullptr || dladdr(symbol, &info) == 0) return "built in";
  return std::filesystem::canonical(info.dli_fname).string();
}

}  // namespace

std::unique_ptr<Trainer> libtorch_trainer(const MlpProblem& problem, Balance balance) {
  const auto [tasks, batch, inputs, width, outputs] = problem.sizes;
  const Tensor x = tensor_of(problem.x, {batch, inputs});
  const Tensors y = tensor_of(problem.y, {tasks, batch, outputs}).unbind();
  return std::make_unique<LibtorchTrainer>(
      make_model(problem.sizes), problem.parameters,
      [x, y](Model& model) {
        const Tensor features = model.trunk->forward(x);
        Tensors losses;
        for (std::size_t i = 0; i < y.size(); ++i) {
          losses.push_back(torch::mse_loss(model.heads[i]->forward(features), y[i]));
        }
        return losses;
      },
      balance);
}

std::unique_ptr<Trainer> libtorch_trainer(const LenetProblem& problem, Balance balance) {
  const Tensor x = tensor_of(problem.x, {problem.batch, 1, 28, 28});
  const Tensors labels = torch::tensor(problem.labels).view({kLenetTasks, problem.batch}).unbind();
  return std::make_unique<LibtorchTrainer>(
      make_lenet(), problem.parameters,
      [x, labels](Model& model) {
        const Tensor features = model.trunk->forward(x);
        Tensors losses;
        for (std::size_t i = 0; i < labels.size(); ++i) {
          losses.push_back(
              nn::functional::cross_entropy(model.heads[i]->forward(features), labels[i]));
        }
        return losses;
      },
      balance);
}

void set_libtorch_threads(int threads) {
  [[maybe_unused]] static const bool once = (at::set_num_interop_threads(1), true);
  at::set_num_threads(threads);
  // OpenBLAS with threads of its own does not hear of the line above.
  using SetThreads = void(int);
  if (void* set = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetThreads*>(set)(threads);
  }
}

std::string libtorch_version() { return TORCH_VERSION; }
std::string libtorch_blas() { return file_of(dlsym(RTLD_DEFAULT, "sgemm_")); }

}  // namespace bench
