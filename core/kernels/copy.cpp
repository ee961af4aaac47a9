#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/kernels/strided.h>

namespace taskgrad::kernels {
namespace {

template <class From, class To>
Tensor copy_as(const Tensor& x) {
  Tensor result = Tensor::empty(x.shape(), kDTypeOf<To>);
  const Walk<1> walk = make_walk<1>(x.shape(), {&x});
  const From* source = x.data<From>();
  To* target = result.mutable_data<To>();
  if (x.size() == 0) return result;
  const std::int64_t step = walk.inner_step[0];
  for_each_run(walk, [&](const auto& offset, std::int64_t first, std::int64_t count) {
    const From* from = source + offset[0];
    To* to = target + first;
    if (step == 1) {
      ArrayOut<To>(to, count) = ArrayIn<From>(from, count).template cast<To>();
    } else {
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i * step]);
    }
  });
  return result;
}

}  // namespace

Tensor copy(const Tensor& x) {
  return dispatch(x.dtype(), [&]<class T>(Type<T>) { return copy_as<T, T>(x); });
}

Tensor cast(const Tensor& x, DType dtype) {
  return dispatch(x.dtype(), [&]<class From>(Type<From>) {
    return dispatch(dtype, [&]<class To>(Type<To>) { return copy_as<From, To>(x); });
  });
}

}  // namespace taskgrad::kernels
