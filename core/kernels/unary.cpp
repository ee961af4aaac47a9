#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/elementary.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::kernels {
namespace {

std::int64_t blocks_of(std::int64_t size) { return (size + kBlock - 1) / kBlock; }

// f of each element. A plain loop: the compiler runs elements side by side where f has no call.
template <class F>
Tensor unary(const Tensor& x, const F& f) {
  const Tensor packed = x.contiguous();
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* from = packed.data<T>();
    T* to = result.mutable_data<T>();
    parallel_blocks(blocks_of(x.size()), x.size(), [&](std::int64_t block) {
      const std::int64_t last = std::min(x.size(), (block + 1) * kBlock);
      for (std::int64_t i = block * kBlock; i < last; ++i) to[i] = f(from[i]);
    });
  });
  return result;
}

}  // namespace

Tensor neg(const Tensor& x) {
  return unary(x, [](auto u) { return -u; });
}

Tensor square(const Tensor& x) {
  return unary(x, [](auto u) { return u * u; });
}

Tensor abs(const Tensor& x) {
  return unary(x, [](auto u) { return std::abs(u); });
}

Tensor sign(const Tensor& x) {
  return unary(x, []<class T>(T u) { return static_cast<T>(u > 0) - static_cast<T>(u < 0); });
}

Tensor exp(const Tensor& x) {
  return unary(x, [](auto u) { return elementary::exp(u); });
}

Tensor log(const Tensor& x) {
  return unary(x, [](auto u) { return elementary::log(u); });
}

Tensor sqrt(const Tensor& x) {
  return unary(x, [](auto u) { return std::sqrt(u); });
}

Tensor rsqrt(const Tensor& x) {
  return unary(x, []<class T>(T u) { return T(1) / std::sqrt(u); });
}

Tensor tanh(const Tensor& x) {
  return unary(x, [](auto u) { return elementary::tanh(u); });
}

Tensor sigmoid(const Tensor& x) {
  return unary(x, [](auto u) { return elementary::sigmoid(u); });
}

Tensor softplus(const Tensor& x) {
  return unary(x, [](auto u) { return elementary::softplus(u); });
}

Tensor relu(const Tensor& x) {
  return unary(x, []<class T>(T u) { return u <= T(0) ? T(0) : u; });  // NaN stays NaN
}

Tensor scale(const Tensor& x, double factor) {
  return unary(x, [=]<class T>(T u) { return u * static_cast<T>(factor); });
}

Tensor add_scalar(const Tensor& x, double addend) {
  return unary(x, [=]<class T>(T u) { return u + static_cast<T>(addend); });
}

Tensor pow_scalar(const Tensor& x, double exponent) {
  return unary(x, [=]<class T>(T u) { return std::pow(u, static_cast<T>(exponent)); });
}

Tensor expm1(const Tensor& x) {
  return unary(x, [](auto u) { return std::expm1(u); });
}

Tensor log1p(const Tensor& x) {
  return unary(x, [](auto u) { return std::log1p(u); });
}

Tensor sin(const Tensor& x) {
  return unary(x, [](auto u) { return std::sin(u); });
}

Tensor cos(const Tensor& x) {
  return unary(x, [](auto u) { return std::cos(u); });
}

Tensor erf(const Tensor& x) {
  return unary(x, [](auto u) { return std::erf(u); });
}

Tensor clamp(const Tensor& x, double low, double high) {
  return unary(x, [=]<class T>(T u) {  // NaN stays NaN
    const T raised = u < static_cast<T>(low) ? static_cast<T>(low) : u;
    return raised > static_cast<T>(high) ? static_cast<T>(high) : raised;
  });
}

Tensor between(const Tensor& x, double low, double high) {
  return unary(x, [=]<class T>(T u) {
    return static_cast<T>(u >= static_cast<T>(low) && u <= static_cast<T>(high));
  });
}

}  // namespace taskgrad::kernels
