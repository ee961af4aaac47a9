#include <taskgrad/autograd/grad.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/loss.h>

#include <doctest/doctest.h>

#include <vector>

namespace taskgrad::nn {
namespace {

TEST_CASE("mse: mean over elements, or sum over outputs and mean over the batch") {
  const Var x = leaf(Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6}, DType::f64));
  const Tensor y = Tensor::from({2, 3}, {0, 0, 0, 4, 5, 8}, DType::f64);
  CHECK(mse(x, y).item() == 3);
  CHECK(mse(x, y, Reduction::sum).item() == 9);
  CHECK(grad(mse(x, y), x).value().values() ==
        std::vector<double>{1.0 / 3, 2.0 / 3, 1, 0, 0, -2.0 / 3});
}

TEST_CASE("mse: shapes that would broadcast are refused") {
  const Var x = leaf(Tensor::zeros({4, 3}, DType::f64));
  CHECK_THROWS_WITH_AS(mse(x, Tensor::zeros({3}, DType::f64)),
                       "mse: prediction and target have one shape: [4, 3] · [3]", ShapeError);
  CHECK_THROWS_WITH_AS(mse(x, Tensor::zeros({4, 3}, DType::f32)),
                       "mse: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]",
                       DTypeError);
  CHECK_THROWS_WITH_AS(mse(leaf(Tensor::zeros({0}, DType::f64)), Tensor::zeros({0}, DType::f64)),
                       "mse: there must be elements to take the mean of: shape [0]", ShapeError);
  const Var predictions[] = {x};
  CHECK_THROWS_WITH_AS(mse(predictions, std::vector<Tensor>{}),
                       "mse: one target a prediction: 1 predictions · 0 targets", ConfigError);
}

}  // namespace
}  // namespace taskgrad::nn
