#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/loss.h>

namespace taskgrad::nn {

Var mse(const Var& prediction, const Tensor& target, Reduction reduction) {
  if (!(prediction.shape() == target.shape())) {
    fail<ShapeError>("mse: prediction and target have one shape: {} · {}", prediction.shape(),
                     target.shape());
  }
  kernels::check_dtypes("mse", prediction.value(), target);
  if (prediction.value().size() == 0) {
    fail<ShapeError>("mse: there must be elements to take the mean of: shape {}", target.shape());
  }
  const Var squares = square(prediction - constant(target));
  if (reduction == Reduction::mean || prediction.shape().rank() == 0) return mean(squares);
  return sum(squares) / static_cast<double>(prediction.shape()[0]);
}

List<Var> mse(std::span<const Var> predictions, std::span<const Tensor> targets,
              Reduction reduction) {
  if (predictions.size() != targets.size()) {
    fail<ConfigError>("mse: one target a prediction: {} predictions · {} targets",
                      predictions.size(), targets.size());
  }
  List<Var> losses;
  losses.reserve(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    losses.push_back(mse(predictions[i], targets[i], reduction));
  }
  return losses;
}

}  // namespace taskgrad::nn
