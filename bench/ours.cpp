#include "ours.h"

#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/nn/convolution.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>
#include <taskgrad/toy/problem.h>

#include <algorithm>
#include <functional>
#include <span>

namespace bench {
namespace {

using namespace taskgrad;

std::vector<float> numbers(const Tensor& tensor) {
  const Tensor packed = tensor.contiguous();
  return {packed.data<float>(), packed.data<float>() + packed.size()};
}

Tensor tensor_of(const Shape& shape, std::span<const float> values) {
  Tensor tensor = Tensor::empty(shape, DType::f32);
  std::ranges::copy(values, tensor.mutable_data<float>());
  return tensor;
}

Parameters numbers(const nn::MultiTask& model) {
  Parameters all;
  for (const auto& [name, parameter] : model.all()) {
    all.push_back(numbers(parameter.value().value()));
  }
  return all;
}

nn::MultiTask make_model(const MlpSizes& sizes) {
  nn::Sequential trunk;
  for (int i = 0; i < kMlpLayers; ++i) {
    trunk.add(nn::Linear(i == 0 ? sizes.inputs : sizes.width, sizes.width)).add(nn::Relu());
  }
  return {std::move(trunk),
          nn::repeat(sizes.tasks, [&] { return nn::Linear(sizes.width, sizes.outputs); })};
}

nn::MultiTask make_lenet() {
  const auto [first, second] = kLenetChannels;
  nn::Sequential trunk(nn::Conv2d(1, first, {5, 5}), nn::MaxPool2d({.size = {2, 2}}), nn::Relu(),
                       nn::Conv2d(first, second, {5, 5}), nn::MaxPool2d({.size = {2, 2}}),
                       nn::Relu(), nn::Flatten(), nn::Linear(kLenetFeatures, kLenetWidth),
                       nn::Relu());
  return {std::move(trunk),
          nn::repeat(kLenetTasks, [] { return nn::Linear(kLenetWidth, kLenetClasses); })};
}

std::unique_ptr<Balancer> make_balancer(int tasks, Balance balance) {
  if (balance == Balance::plain) return std::make_unique<Equal>(tasks);
  return std::make_unique<GradNorm>(
      tasks, GradNormOptions{.alpha = kAlpha,
                             .weight_lr = kWeightLr,
                             .path = balance == Balance::closed_form ? GradNormPath::closed_form
                                                                     : GradNormPath::second_order,
                             .weight_form = WeightForm::linear,
                             .min_weight = kMinWeight});
}

class OurTrainer : public Trainer {
 public:
  using Loss = std::function<Var(int task, const Var& prediction)>;

  OurTrainer(nn::MultiTask model, const Parameters& start, Var x, Loss loss, Balance balance)
      : model_(std::move(model)),
        x_(std::move(x)),
        loss_(std::move(loss)),
        balancer_(make_balancer(model_.tasks(), balance)),
        optimizer_(model_.all(), {.lr = kLr}) {
    for (std::size_t i = 0; i < start.size(); ++i) {
      Parameter parameter = model_.all()[i].parameter;
      parameter.set(tensor_of(parameter.shape(), start[i]));
    }
  }

  void step() override { optimizer_.step(gradients()); }

  std::vector<double> losses() const override { return {losses_.begin(), losses_.end()}; }
  std::vector<double> weights() const override {
    const Vec weights = balancer_->weights();
    return {weights.begin(), weights.end()};
  }
  Parameters parameters() const override { return numbers(model_); }

 private:
  using Parameter = nn::Parameter;

  nn::Gradients gradients() {
    const Var representation = model_.represent(x_);
    List<Var> losses;
    for (int task = 0; task < model_.tasks(); ++task) {
      losses.push_back(loss_(task, model_.predict(representation, task)));
    }
    Step step(std::move(losses), model_, {.representation = representation});
    losses_ = step.values();
    return balancer_->backward(step);
  }

  nn::MultiTask model_;
  Var x_;
  Loss loss_;
  std::unique_ptr<Balancer> balancer_;
  nn::Adam optimizer_;
  Vec losses_;
};

}  // namespace

MlpProblem make_mlp_problem(const MlpSizes& sizes) {
  const toy::ScaledRegression source({.sigmas = toy::default_sigmas(sizes.tasks),
                                      .input_size = sizes.inputs,
                                      .output_size = sizes.outputs,
                                      .test_examples = 1},
                                     Rng(1).stream("data"));
  const toy::Batch batch = source.batch(0, sizes.batch);
  nn::MultiTask model = make_model(sizes);
  model.init(Rng(1).stream("init"));
  MlpProblem problem{sizes, numbers(model), numbers(batch.x), {}};
  for (const Tensor& target : batch.targets) {
    const std::vector<float> y = numbers(target);
    problem.y.insert(problem.y.end(), y.begin(), y.end());
  }
  return problem;
}

LenetProblem make_lenet_problem(int batch) {
  nn::MultiTask model = make_lenet();
  model.init(Rng(1).stream("init"));
  const Tensor x = Rng(1).stream("images").uniform({batch, 1, 28, 28}, 0, 1, DType::f32);
  const Tensor labels =
      Rng(1).stream("labels").uniform({kLenetTasks, batch}, 0, kLenetClasses, DType::f64);
  LenetProblem problem{batch, numbers(model), numbers(x), {}};
  for (const double label : labels.values()) {
    problem.labels.push_back(static_cast<std::int64_t>(label));
  }
  return problem;
}

std::unique_ptr<Trainer> our_trainer(const MlpProblem& problem, Balance balance) {
  const auto& [tasks, batch, inputs, width, outputs] = problem.sizes;
  const Var x = constant(tensor_of({batch, inputs}, problem.x));
  const Tensor y = tensor_of({tasks, batch, outputs}, problem.y);
  return std::make_unique<OurTrainer>(
      make_model(problem.sizes), problem.parameters, x,
      [y](int task, const Var& prediction) { return nn::mse(prediction, y.select(0, task)); },
      balance);
}

std::unique_ptr<Trainer> our_trainer(const LenetProblem& problem, Balance balance) {
  const Var x = constant(tensor_of({problem.batch, 1, 28, 28}, problem.x));
  const auto labels_of = [&](int task) {
    return Labels(std::span(problem.labels)
                      .subspan(static_cast<std::size_t>(task * problem.batch),
                               static_cast<std::size_t>(problem.batch)));
  };
  return std::make_unique<OurTrainer>(
      make_lenet(), problem.parameters, x,
      [labels = std::vector{labels_of(0), labels_of(1)}](int task, const Var& logits) {
        return mean(cross_entropy(logits, labels[static_cast<std::size_t>(task)]));
      },
      balance);
}

}  // namespace bench
