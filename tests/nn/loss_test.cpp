#include <taskgrad/autograd/grad.h>
#include <taskgrad/core/error.h>
#include <taskgrad/nn/loss.h>

#include <doctest/doctest.h>

#include <cmath>
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

TEST_CASE("masked_mse: NaN targets are left out, of the value and of its divisor") {
  const double nan = std::nan("");
  const Var x = leaf(Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6}, DType::f64));
  const Tensor y = Tensor::from({3, 2}, {0, nan, nan, nan, 3, 9}, DType::f64);
  CHECK(masked_mse(x, y).item() == doctest::Approx((1.0 + 4 + 9) / 3));
  CHECK(masked_mse(x, y, Reduction::sum).item() == doctest::Approx((1.0 + 4 + 9) / 2));
  const std::vector<double> slope = grad(masked_mse(x, y), x).value().values();
  const std::vector<double> expected{2.0 / 3, 0, 0, 0, 4.0 / 3, -2};
  for (std::size_t i = 0; i < 6; ++i) CHECK(slope[i] == doctest::Approx(expected[i]));

  const Tensor whole = Tensor::from({3, 2}, {0, 0, 0, 4, 5, 8}, DType::f64);
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    CHECK(masked_mse(x, whole, reduction).item() ==
          doctest::Approx(mse(x, whole, reduction).item()).epsilon(1e-15));
  }
  CHECK_FALSE(masked_mse(x, Tensor::full({3, 2}, nan, DType::f64)).defined());
  const Var predictions[] = {x, x};
  const Tensor targets[] = {y, Tensor::full({3, 2}, nan, DType::f64)};
  const List<Var> losses = masked_mse(predictions, targets);
  CHECK(losses[0].defined());
  CHECK_FALSE(losses[1].defined());
  CHECK_THROWS_AS(masked_mse(x, Tensor::zeros({2}, DType::f64)), ShapeError);
}

TEST_CASE("mse: shapes that would broadcast are refused") {
  CHECK_THROWS_WITH_AS(nn::mse(constant(1, DType::f64), Tensor()),
                       "mse: a target is needed: this tensor is empty", ShapeError);
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
