#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/kernels/strided.h>
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

// z = f(x, y) over packed elements of one shape. z may be x.
template <class T, class F>
void map(const T* x, const T* y, T* z, std::int64_t size, const F& f) {
  parallel_blocks(blocks_of(size), size, [&](std::int64_t block) {
    const std::int64_t first = block * kBlock;
    const std::int64_t count = std::min(kBlock, size - first);
    ArrayOut<T>(z + first, count) = f(ArrayIn<T>(x + first, count), ArrayIn<T>(y + first, count));
  });
}

// One row: each operand either runs along it (step 1) or stays (step 0).
template <class T, class F>
void map_row(const T* x, bool x_runs, const T* y, bool y_runs, T* z, std::int64_t count,
             const F& f) {
  using Array = Eigen::Array<T, Eigen::Dynamic, 1>;
  ArrayOut<T> out(z, count);
  if (x_runs && y_runs) {
    out = f(ArrayIn<T>(x, count), ArrayIn<T>(y, count));
  } else if (x_runs) {
    out = f(ArrayIn<T>(x, count), Array::Constant(count, *y));
  } else if (y_runs) {
    out = f(Array::Constant(count, *x), ArrayIn<T>(y, count));
  } else {
    out = f(Array::Constant(count, *x), Array::Constant(count, *y));
  }
}

template <class F>
Tensor broadcast_binary(const Tensor& x, const Tensor& y, const Shape& shape, const F& f) {
  const auto runs_or_stays = [&](const Tensor& t) {  // expanded, with inner step 0 or 1
    const Tensor expanded = t.expand(shape);
    const std::int64_t step = make_walk<1>(shape, {&expanded}).inner_step[0];
    return step == 0 || step == 1 ? expanded : t.contiguous().expand(shape);
  };
  const Tensor left = runs_or_stays(x);
  const Tensor right = runs_or_stays(y);
  Tensor result = Tensor::empty(shape, x.dtype());
  if (shape.size() == 0) return result;
  const Walk<2> walk = make_walk<2>(shape, {&left, &right});
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* lhs = left.data<T>();
    const T* rhs = right.data<T>();
    T* out = result.mutable_data<T>();
    for_each_run(walk, [&](const auto& offset, std::int64_t first, std::int64_t count) {
      map_row(lhs + offset[0], walk.inner_step[0] == 1, rhs + offset[1], walk.inner_step[1] == 1,
              out + first, count, f);
    });
  });
  return result;
}

template <class F>
Tensor binary(const char* where, const Tensor& x, const Tensor& y, const F& f) {
  if (x.dtype() != y.dtype()) {
    fail<DTypeError>("{}: element types must be the same: lhs {} · rhs {} [use Tensor::to]", where,
                     x.dtype(), y.dtype());
  }
  if (!(x.shape() == y.shape()) || !x.is_contiguous() || !y.is_contiguous()) {
    return broadcast_binary(x, y, broadcast_shape(where, x.shape(), y.shape()), f);
  }
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    map(x.data<T>(), y.data<T>(), result.mutable_data<T>(), x.size(), f);
  });
  return result;
}

// The scalar type of an Eigen array expression.
template <class A>
using ScalarOf = typename std::decay_t<A>::Scalar;

}  // namespace

Tensor add(const Tensor& x, const Tensor& y) {
  return binary("add", x, y, [](const auto& a, const auto& b) { return a + b; });
}

Tensor sub(const Tensor& x, const Tensor& y) {
  return binary("sub", x, y, [](const auto& a, const auto& b) { return a - b; });
}

Tensor mul(const Tensor& x, const Tensor& y) {
  return binary("mul", x, y, [](const auto& a, const auto& b) { return a * b; });
}

Tensor div(const Tensor& x, const Tensor& y) {
  return binary("div", x, y, [](const auto& a, const auto& b) { return a / b; });
}

Tensor maximum(const Tensor& x, const Tensor& y) {
  return binary("maximum", x, y, []<class A>(const A& a, const auto& b) {
    using T = ScalarOf<A>;
    return a.binaryExpr(b, Eigen::internal::scalar_max_op<T, T, Eigen::PropagateNaN>());
  });
}

Tensor div_or_zero(const Tensor& x, const Tensor& y) {
  return binary("div_or_zero", x, y, []<class A>(const A& a, const auto& b) {
    return a.binaryExpr(b, [](ScalarOf<A> u, ScalarOf<A> v) {
      return v == ScalarOf<A>(0) ? ScalarOf<A>(0) : u / v;
    });
  });
}

Tensor hypot(const Tensor& x, const Tensor& y) {
  return binary("hypot", x, y, []<class A>(const A& a, const auto& b) {
    return a.binaryExpr(b, [](ScalarOf<A> u, ScalarOf<A> v) { return std::hypot(u, v); });
  });
}

Tensor preference(const Tensor& x, const Tensor& y) {
  return binary("preference", x, y, []<class A>(const A& a, const auto& b) {
    return a.binaryExpr(b, [](ScalarOf<A> u, ScalarOf<A> v) {
      return u > v ? ScalarOf<A>(1) : (u == v ? ScalarOf<A>(0.5) : ScalarOf<A>(0));
    });
  });
}

Tensor tanh_grad(const Tensor& g, const Tensor& y) {
  return binary("tanh_grad", g, y,
                []<class A>(const A& a, const auto& b) { return a * (ScalarOf<A>(1) - b * b); });
}

Tensor sigmoid_grad(const Tensor& g, const Tensor& y) {
  return binary("sigmoid_grad", g, y,
                []<class A>(const A& a, const auto& b) { return a * b * (ScalarOf<A>(1) - b); });
}

Tensor relu_grad(const Tensor& g, const Tensor& x) {
  return binary("relu_grad", g, x, []<class A>(const A& a, const auto& b) {
    return (b > ScalarOf<A>(0)).select(a, ScalarOf<A>(0));
  });
}

Tensor add_into(Tensor&& x, const Tensor& y) {
  if (!x.unique() || !y.is_contiguous() || x.dtype() != y.dtype() || !(x.shape() == y.shape())) {
    return add(x, y);
  }
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    T* target = x.mutable_data<T>();
    map(target, y.data<T>(), target, x.size(), [](const auto& a, const auto& b) { return a + b; });
  });
  return std::move(x);
}

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
  return unary(x, []<class A>(const A& a) {
    return a.unaryExpr([](ScalarOf<A> u) {
      return static_cast<ScalarOf<A>>(u > 0) - static_cast<ScalarOf<A>>(u < 0);
    });
  });
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
  return unary(x, [=]<class A>(const A& a) {
    return a.unaryExpr(
        [=](ScalarOf<A> u) { return std::pow(u, static_cast<ScalarOf<A>>(exponent)); });
  });
}

}  // namespace taskgrad::kernels
