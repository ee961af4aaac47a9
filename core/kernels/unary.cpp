#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::kernels {
namespace {

std::int64_t blocks_of(std::int64_t size) { return (size + kBlock - 1) / kBlock; }

// z = f(x) over packed elements.
template <class T, class F>
void map(const T* x, T* z, std::int64_t size, const F& f) {
  parallel_blocks(blocks_of(size), size, [&](std::int64_t block) {
    const std::int64_t first = block * kBlock;
    const std::int64_t count = std::min(kBlock, size - first);
    ArrayOut<T>(z + first, count) = f(ArrayIn<T>(x + first, count));
  });
}

template <class F>
Tensor unary(const Tensor& x, const F& f) {
  const Tensor packed = x.contiguous();
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch(x.dtype(),
           [&]<class T>(Type<T>) { map(packed.data<T>(), result.mutable_data<T>(), x.size(), f); });
  return result;
}

// The same for a function of one number.
template <class F>
Tensor each(const Tensor& x, const F& f) {
  return unary(x, [&]<class A>(const A& a) {
    return a.unaryExpr([f](ScalarOf<A> u) -> ScalarOf<A> { return f(u); });
  });
}

}  // namespace

Tensor neg(const Tensor& x) {
  return unary(x, [](const auto& a) { return -a; });
}

Tensor square(const Tensor& x) {
  return unary(x, [](const auto& a) { return a * a; });
}

Tensor abs(const Tensor& x) {
  return unary(x, [](const auto& a) { return a.abs(); });
}

Tensor sign(const Tensor& x) {
  return each(x, []<class T>(T u) { return static_cast<T>(u > 0) - static_cast<T>(u < 0); });
}

Tensor exp(const Tensor& x) {
  return unary(x, [](const auto& a) { return a.exp(); });
}

Tensor log(const Tensor& x) {
  return unary(x, [](const auto& a) { return a.log(); });
}

Tensor sqrt(const Tensor& x) {
  return unary(x, [](const auto& a) { return a.sqrt(); });
}

Tensor rsqrt(const Tensor& x) {
  return unary(x, []<class A>(const A& a) { return ScalarOf<A>(1) / a.sqrt(); });
}

Tensor tanh(const Tensor& x) {
  return unary(x, [](const auto& a) { return a.tanh(); });
}

Tensor sigmoid(const Tensor& x) {  // where e^-x overflows, the quotient is the 0 it should be
  return unary(x,
               []<class A>(const A& a) { return ScalarOf<A>(1) / (ScalarOf<A>(1) + (-a).exp()); });
}

Tensor softplus(const Tensor& x) {
  return unary(
      x, []<class A>(const A& a) { return a.max(ScalarOf<A>(0)) + (-a.abs()).exp().log1p(); });
}

Tensor relu(const Tensor& x) {
  return unary(x, []<class A>(const A& a) {
    return (a <= ScalarOf<A>(0)).select(ScalarOf<A>(0), a);  // so that NaN stays NaN
  });
}

Tensor scale(const Tensor& x, double factor) {
  return unary(x, [=]<class A>(const A& a) { return a * static_cast<ScalarOf<A>>(factor); });
}

Tensor add_scalar(const Tensor& x, double addend) {
  return unary(x, [=]<class A>(const A& a) { return a + static_cast<ScalarOf<A>>(addend); });
}

Tensor pow_scalar(const Tensor& x, double exponent) {
  return each(x, [=]<class T>(T u) { return std::pow(u, static_cast<T>(exponent)); });
}

Tensor expm1(const Tensor& x) {
  return each(x, [](auto u) { return std::expm1(u); });
}

Tensor log1p(const Tensor& x) {
  return each(x, [](auto u) { return std::log1p(u); });
}

Tensor sin(const Tensor& x) {
  return each(x, [](auto u) { return std::sin(u); });
}

Tensor cos(const Tensor& x) {
  return each(x, [](auto u) { return std::cos(u); });
}

Tensor erf(const Tensor& x) {
  return each(x, [](auto u) { return std::erf(u); });
}

Tensor clamp(const Tensor& x, double low, double high) {
  return each(x, [=]<class T>(T u) {  // NaN stays NaN
    return u < static_cast<T>(low) ? static_cast<T>(low)
                                   : (u > static_cast<T>(high) ? static_cast<T>(high) : u);
  });
}

Tensor between(const Tensor& x, double low, double high) {
  return each(x, [=]<class T>(T u) {
    return T(u >= static_cast<T>(low) && u <= static_cast<T>(high) ? 1 : 0);
  });
}

}  // namespace taskgrad::kernels
