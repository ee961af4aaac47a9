#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/loss.h>

#include <cmath>
#include <vector>

namespace taskgrad::nn {
namespace {

void check_shapes(const Var& prediction, const Tensor& target) {
  if (!target.defined()) fail<ShapeError>("mse: a target is needed: this tensor is empty");
  if (!(prediction.shape() == target.shape())) {
    fail<ShapeError>("mse: prediction and target have one shape: {} · {}", prediction.shape(),
                     target.shape());
  }
  kernels::check_dtypes("mse", prediction.value(), target);
}

template <class Loss>
List<Var> each_task(std::span<const Var> predictions, std::span<const Tensor> targets,
                    const Loss& loss) {
  if (predictions.size() != targets.size()) {
    fail<ConfigError>("mse: one target a prediction: {} predictions · {} targets",
                      predictions.size(), targets.size());
  }
  List<Var> losses;
  losses.reserve(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    losses.push_back(loss(predictions[i], targets[i]));
  }
  return losses;
}

}  // namespace

Var mse(const Var& prediction, const Tensor& target, Reduction reduction) {
  check_shapes(prediction, target);
  if (prediction.value().size() == 0) {
    fail<ShapeError>("mse: there must be elements to take the mean of: shape {}", target.shape());
  }
  const bool over_all = reduction == Reduction::mean || target.rank() == 0;
  const std::int64_t count = over_all ? target.size() : target.shape()[0];
  return squared_error(prediction, constant(target)) / static_cast<double>(count);
}

Var masked_mse(const Var& prediction, const Tensor& target, Reduction reduction) {
  check_shapes(prediction, target);
  std::vector<double> wanted = target.values();
  std::vector<double> mask(wanted.size(), 0.0);
  const std::int64_t rows = target.rank() == 0 ? 1 : target.shape()[0];
  const std::size_t row_size = rows == 0 ? 0 : wanted.size() / static_cast<std::size_t>(rows);
  double labels = 0;
  double examples = 0;
  for (std::size_t i = 0, last = wanted.size(); i < wanted.size(); ++i) {
    if (std::isnan(wanted[i])) {
      wanted[i] = 0;
      continue;
    }
    mask[i] = 1;
    ++labels;
    examples += last != i / row_size ? 1 : 0;
    last = i / row_size;
  }
  if (labels == 0) return {};
  const DType dtype = target.dtype();
  const Var error = (prediction - constant(Tensor::from(target.shape(), wanted, dtype))) *
                    constant(Tensor::from(target.shape(), mask, dtype));
  return sum(square(error)) / (reduction == Reduction::mean ? labels : examples);
}

List<Var> mse(std::span<const Var> predictions, std::span<const Tensor> targets,
              Reduction reduction) {
  return each_task(predictions, targets, [&](const Var& prediction, const Tensor& target) {
    return mse(prediction, target, reduction);
  });
}

List<Var> masked_mse(std::span<const Var> predictions, std::span<const Tensor> targets,
                     Reduction reduction) {
  return each_task(predictions, targets, [&](const Var& prediction, const Tensor& target) {
    return masked_mse(prediction, target, reduction);
  });
}

}  // namespace taskgrad::nn
