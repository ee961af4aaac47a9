#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/normalise.h>

namespace taskgrad::nn {
namespace {

const Initializer kOnes = [](const Shape& shape, DType dtype, const Rng&) {
  return Tensor::full(shape, 1.0, dtype);
};

}  // namespace

LayerNorm::LayerNorm(std::int64_t features, double epsilon)
    : weight(Shape{features}), bias(Shape{features}), epsilon_(epsilon) {}

Var LayerNorm::operator()(const Var& x) const {
  return layer_norm(x, weight.value(), bias.value(), epsilon_);
}

void LayerNorm::visit(Visitor& visitor) {
  visitor("weight", weight, kOnes);
  visitor("bias", bias, zeros());
}

BatchNorm::BatchNorm(std::int64_t channels, BatchNormOptions options)
    : weight(Shape{channels}),
      bias(Shape{channels}),
      options_(options),
      mean_(Tensor::zeros({channels}, DType::f32)),
      variance_(Tensor::full({channels}, 1.0, DType::f32)) {
  if (!(options.momentum >= 0 && options.momentum <= 1) || !(options.epsilon > 0)) {
    fail<ConfigError>("BatchNorm: momentum lies in [0, 1], epsilon is positive: {} · {}",
                      options.momentum, options.epsilon);
  }
}

BatchNormed BatchNorm::normalise(const Var& x) const {
  return batch_norm(x, weight.value(), bias.value(), options_.epsilon);
}

void BatchNorm::observe(const BatchNormed& batch) {
  if (!(batch.mean.shape() == mean_.shape()) || !(batch.variance.shape() == variance_.shape())) {
    fail<ShapeError>(
        "BatchNorm::observe: one number a channel: {} channels · mean {} · variance {}",
        mean_.shape(), batch.mean.shape(), batch.variance.shape());
  }
  const auto moved = [&](const Tensor& running, const Tensor& seen) {
    return kernels::add(kernels::scale(running.to(seen.dtype()), 1 - options_.momentum),
                        kernels::scale(seen, options_.momentum));
  };
  Tensor mean = moved(mean_, batch.mean);
  variance_ = moved(variance_, batch.variance);
  mean_ = std::move(mean);
}

Var BatchNorm::evaluate(const Var& x) const {
  return batch_norm_eval(x, weight.value(), bias.value(), constant(mean_.to(x.dtype())),
                         constant(variance_.to(x.dtype())), options_.epsilon);
}

void BatchNorm::visit(Visitor& visitor) {
  visitor("weight", weight, kOnes);
  visitor("bias", bias, zeros());
  visitor("mean", mean_);
  visitor("variance", variance_);
}

}  // namespace taskgrad::nn
