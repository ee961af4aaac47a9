#include "libtorch_ops.h"

#include <torch/torch.h>

namespace bench {
namespace {

using torch::Tensor;

std::vector<double> numbers(const Tensor& tensor) {
  const Tensor packed = tensor.detach().contiguous().to(torch::kDouble);
  return {packed.data_ptr<double>(), packed.data_ptr<double>() + packed.numel()};
}

Tensor derivative(const Tensor& y, const Tensor& x, bool create_graph) {
  return torch::autograd::grad({y.dim() == 0 ? y : y.sum()}, {x}, {}, create_graph,
                               create_graph)[0];
}

Tensor run_chain(const Tensor& x, Depth depth) {
  Tensor y = x;
  for (int i = 0; i < kChain; ++i) y = i % 2 == 0 ? y * x : y + x;
  if (depth == Depth::forward) return y;
  const Tensor slope = derivative(y, x, depth != Depth::backward);
  return depth == Depth::double_backward ? derivative(slope, x, false) : slope;
}

Tensor borrow(const float* values, torch::IntArrayRef sizes) {
  return torch::from_blob(const_cast<float*>(values), sizes);
}

}  // namespace

Way libtorch_chain(int elements, Depth depth) {
  const Tensor x =
      (elements == 1 ? torch::full({}, 0.5) : torch::full({elements}, 0.5)).requires_grad_();
  const auto result = std::make_shared<Tensor>();
  return {"libtorch", [=] { *result = run_chain(x, depth); }, [=] { return numbers(*result); }};
}

Way libtorch_convolution(const float* x, const ImageSizes& images, const float* w,
                         const FilterSizes& filters) {
  const auto sizes = [](const auto& s) {
    return std::vector{s.count, s.channels, s.extent, s.extent};
  };
  const Tensor image = borrow(x, sizes(images)).clone(), filter = borrow(w, sizes(filters)).clone();
  const auto result = std::make_shared<Tensor>();
  return {"libtorch",
          [=] {
            const torch::NoGradGuard no_grad;
            *result = torch::conv2d(image, filter);
          },
          [=] { return numbers(*result); }};
}

}  // namespace bench
