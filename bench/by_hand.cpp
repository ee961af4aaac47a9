// Forward and backward pass written out in Eigen for the one network of MlpProblem: no graph, all
// memory taken before the first step, work on small matrices fused into as few passes as there can
// be. Task after task, so that what belongs to one task is used while it is in the cache.
#include "by_hand.h"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::Matrix<float, 1, Eigen::Dynamic>;
using MatrixMap = Eigen::Map<Matrix>;
using RowMap = Eigen::Map<Row>;
using Numbers = Eigen::ArrayXf;
using Index = Eigen::Index;

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

// An affine layer as a part of two long arrays, of all parameters and of all gradients.
struct Layer {
  MatrixMap weight, weight_gradient;
  RowMap bias, bias_gradient;

  Layer(float* values, float* gradients, Index outputs, Index inputs)
      : weight(values, outputs, inputs),
        weight_gradient(gradients, outputs, inputs),
        bias(values + outputs * inputs, outputs),
        bias_gradient(gradients + outputs * inputs, outputs) {}
  static Index size(Index outputs, Index inputs) { return outputs * (inputs + 1); }
};

// Adam on one long array, in pieces that stay in the cache between its three expressions.
class Adam {
 public:
  explicit Adam(Index size) : mean_(Numbers::Zero(size)), variance_(Numbers::Zero(size)) {}

  void step(Numbers& values, const Numbers& gradients) {
    constexpr Index kPiece = 1024;
    constexpr auto beta1 = static_cast<float>(kBeta1), beta2 = static_cast<float>(kBeta2);
    ++steps_;
    const auto rate = static_cast<float>(kLr / (1 - std::pow(kBeta1, steps_)));
    const auto correction = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, steps_)));
    for (Index first = 0; first < values.size(); first += kPiece) {
      const Index size = std::min(kPiece, values.size() - first);
      const auto g = gradients.segment(first, size);
      auto m = mean_.segment(first, size);
      auto v = variance_.segment(first, size);
      m = m * beta1 + g * (1 - beta1);
      v = v * beta2 + g.square() * (1 - beta2);
      values.segment(first, size) -=
          m * rate / (v.sqrt() * correction + static_cast<float>(kEpsilon));
    }
  }

 private:
  Numbers mean_, variance_;
  int steps_ = 0;
};

// GradNorm on the weights of the tasks, given the norms of their weighted gradients.
class GradNorm {
 public:
  explicit GradNorm(Index tasks)
      : weights_(Eigen::ArrayXd::Ones(tasks)),
        mean_(Eigen::ArrayXd::Zero(tasks)),
        variance_(Eigen::ArrayXd::Zero(tasks)) {}

  const Eigen::ArrayXd& weights() const { return weights_; }

  void step(const Eigen::ArrayXd& losses, const Eigen::ArrayXd& norms) {
    if (steps_ == 0) initial_ = losses;
    ++steps_;
    const Eigen::ArrayXd ratio = losses / initial_;
    const Eigen::ArrayXd target = norms.mean() * (ratio / ratio.mean()).pow(kAlpha);
    const Eigen::ArrayXd gradient = (norms - target).sign() * norms / weights_;
    mean_ = kBeta1 * mean_ + (1 - kBeta1) * gradient;
    variance_ = kBeta2 * variance_ + (1 - kBeta2) * gradient.square();
    weights_ -= kWeightLr * (mean_ / (1 - std::pow(kBeta1, steps_))) /
                ((variance_ / (1 - std::pow(kBeta2, steps_))).sqrt() + kEpsilon);
    weights_ = weights_.max(kMinWeight);
    weights_ *= static_cast<double>(weights_.size()) / weights_.sum();
  }

 private:
  Eigen::ArrayXd weights_, mean_, variance_, initial_;
  int steps_ = 0;
};

class TrainerByHand : public Trainer {
 public:
  TrainerByHand(const MlpProblem& problem, Balance balance)
      : sizes_(problem.sizes),
        balanced_(balance != Balance::plain),
        values_(total_size(sizes_)),
        gradients_(values_.size()),
        adam_(values_.size()),
        gradnorm_(sizes_.tasks),
        losses_(sizes_.tasks),
        norms_(sizes_.tasks) {
    lay_out();
    float* value = values_.data();
    for (const auto& part : problem.parameters) value = std::ranges::copy(part, value).out;
    x_ = Eigen::Map<const Matrix>(problem.x.data(), sizes_.batch, sizes_.inputs);
    const Index size = Index{sizes_.batch} * sizes_.outputs;
    for (int task = 0; task < sizes_.tasks; ++task) {
      y_.push_back(
          Eigen::Map<const Matrix>(problem.y.data() + task * size, sizes_.batch, sizes_.outputs));
    }
  }

  void step() override {
    forward();
    slope_.setZero();
    if (balanced_) layers_.back().weight_gradient.setZero();
    for (std::size_t task = 0; task < heads_.size(); ++task) {
      const float scale = head_backward(task);
      if (balanced_) {
        trunk_gradient(task, scale);
      } else {
        slope_.noalias() += scale * error_ * heads_[task].weight;
      }
    }
    backward();
    adam_.step(values_, gradients_);
    if (balanced_) gradnorm_.step(losses_, norms_);
  }

  std::vector<double> losses() const override { return {losses_.begin(), losses_.end()}; }
  std::vector<double> weights() const override {
    return {gradnorm_.weights().begin(), gradnorm_.weights().end()};
  }

  Parameters parameters() const override {
    Parameters all;
    const auto add = [&](const auto& part) {
      all.emplace_back(part.data(), part.data() + part.size());
    };
    for (const auto* layers : {&layers_, &heads_}) {
      for (const Layer& layer : *layers) {
        add(layer.weight);
        add(layer.bias);
      }
    }
    return all;
  }

 private:
  static Index inputs_of(const MlpSizes& sizes, int layer) {
    return layer == 0 ? sizes.inputs : sizes.width;
  }

  static Index total_size(const MlpSizes& sizes) {
    Index total = sizes.tasks * Layer::size(sizes.outputs, sizes.width);
    for (int i = 0; i < kMlpLayers; ++i) total += Layer::size(sizes.width, inputs_of(sizes, i));
    return total;
  }

  void lay_out() {
    Index offset = 0;
    const auto next = [&](Index outputs, Index inputs) {
      const Index begin = offset;
      offset += Layer::size(outputs, inputs);
      return Layer(values_.data() + begin, gradients_.data() + begin, outputs, inputs);
    };
    for (int i = 0; i < kMlpLayers; ++i) {
      layers_.push_back(next(sizes_.width, inputs_of(sizes_, i)));
    }
    for (int i = 0; i < sizes_.tasks; ++i) heads_.push_back(next(sizes_.outputs, sizes_.width));
    outputs_.assign(kMlpLayers, Matrix(sizes_.batch, sizes_.width));
    error_.resize(sizes_.batch, sizes_.outputs);
    slope_.resize(sizes_.batch, sizes_.width);
    task_slope_.resize(sizes_.batch, sizes_.width);
    task_gradient_.resize(sizes_.width, sizes_.width);
  }

  const Matrix& input_of(std::size_t layer) const { return layer == 0 ? x_ : outputs_[layer - 1]; }

  void forward() {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Matrix& out = outputs_[i];
      out.noalias() = input_of(i) * layers_[i].weight.transpose();
      out = (out.rowwise() + layers_[i].bias).cwiseMax(0.0f);
    }
  }

  // The loss of a task and the gradients of its head. The derivative of the weighted loss in its
  // prediction is error_ times what is returned: products take a factor for nothing.
  float head_backward(std::size_t task) {
    Layer& head = heads_[task];
    const Matrix& features = outputs_.back();
    error_.noalias() = features * head.weight.transpose();
    error_ = error_.rowwise() + head.bias - y_[task];
    const auto at = static_cast<Index>(task);
    const auto size = static_cast<double>(error_.size());
    losses_[at] = error_.squaredNorm() / size;
    const auto scale = static_cast<float>(2 * gradnorm_.weights()[at] / size);
    head.weight_gradient.noalias() = scale * error_.transpose() * features;
    head.bias_gradient = scale * error_.colwise().sum();
    return scale;
  }

  // Of a task at W, for its norm. These gradients add up to that of all tasks.
  void trunk_gradient(std::size_t task, float scale) {
    task_slope_.noalias() = scale * error_ * heads_[task].weight;
    task_slope_ = (outputs_.back().array() > 0).select(task_slope_, 0.0f);
    slope_ += task_slope_;
    task_gradient_.noalias() = task_slope_.transpose() * outputs_[kMlpLayers - 2];
    norms_[static_cast<Index>(task)] = task_gradient_.norm();
    layers_.back().weight_gradient += task_gradient_;
  }

  // From slope_, the derivative in the output of the trunk.
  void backward() {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      const bool done = balanced_ && i + 1 == layers_.size();  // by trunk_gradient()
      if (!done) {
        slope_ = (outputs_[i].array() > 0).select(slope_, 0.0f);
        layer.weight_gradient.noalias() = slope_.transpose() * input_of(i);
      }
      layer.bias_gradient = slope_.colwise().sum();
      if (i == 0) break;
      task_slope_.noalias() = slope_ * layer.weight;
      slope_.swap(task_slope_);
    }
  }

  MlpSizes sizes_;
  bool balanced_;
  Numbers values_, gradients_;
  Adam adam_;
  GradNorm gradnorm_;
  Eigen::ArrayXd losses_, norms_;
  std::vector<Layer> layers_, heads_;
  Matrix x_;
  std::vector<Matrix> y_, outputs_;
  Matrix error_;          // of one task
  Matrix slope_;          // derivative in the output of a layer, of all tasks
  Matrix task_slope_;     // the same of one task
  Matrix task_gradient_;  // of W, of one task
};

}  // namespace

std::unique_ptr<Trainer> trainer_by_hand(const MlpProblem& problem, Balance balance) {
  return std::make_unique<TrainerByHand>(problem, balance);
}

}  // namespace bench
