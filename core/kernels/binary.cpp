#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/kernels/strided.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::kernels {
namespace {

// One run: each operand either goes along it (step 1) or stays (step 0). z may be x.
template <class T, class F>
void map_run(const T* x, bool x_goes, const T* y, bool y_goes, T* z, std::int64_t count,
             const F& f) {
  using Array = Eigen::Array<T, Eigen::Dynamic, 1>;
  ArrayOut<T> out(z, count);
  if (x_goes && y_goes) {
    out = f(ArrayIn<T>(x, count), ArrayIn<T>(y, count));
  } else if (x_goes) {
    out = f(ArrayIn<T>(x, count), Array::Constant(count, *y));
  } else if (y_goes) {
    out = f(Array::Constant(count, *x), ArrayIn<T>(y, count));
  } else {
    map_run(x, true, y, true, z, 1, f);
    std::fill_n(z + 1, count - 1, *z);
  }
}

template <class F>
void map_walk(const Walk<2>& walk, const Tensor& x, const Tensor& y, Tensor& result, const F& f) {
  dispatch(result.dtype(), [&]<class T>(Type<T>) {
    const T* lhs = x.data<T>();
    const T* rhs = y.data<T>();
    T* out = result.mutable_data<T>();
    for_each_run(walk, [&](const auto& offset, std::int64_t first, std::int64_t count) {
      map_run(lhs + offset[0], walk.inner_step[0] == 1, rhs + offset[1], walk.inner_step[1] == 1,
              out + first, count, f);
    });
  });
}

// The tensor in a shape it broadcasts to, with element step 0 or 1 along the last axis.
Tensor expanded(const Tensor& x, const Shape& shape) {
  const Tensor view = x.expand(shape);
  const std::int64_t step = make_walk<1>(shape, {&view}).inner_step[0];
  return step == 0 || step == 1 ? view : x.contiguous().expand(shape);
}

template <class F>
Tensor binary(const char* where, const Tensor& x, const Tensor& y, const F& f) {
  check_dtypes(where, x, y);
  if (x.shape() == y.shape() && x.is_contiguous() && y.is_contiguous()) {
    Tensor result = Tensor::empty(x.shape(), x.dtype());
    map_walk({.inner = x.size(), .inner_step = {1, 1}}, x, y, result, f);
    return result;
  }
  const Shape shape = broadcast_shape(where, x.shape(), y.shape());
  Tensor result = Tensor::empty(shape, x.dtype());
  if (shape.size() == 0) return result;
  const Tensor left = expanded(x, shape);
  const Tensor right = expanded(y, shape);
  map_walk(make_walk<2>(shape, {&left, &right}), left, right, result, f);
  return result;
}

}  // namespace

void check_dtypes(std::string_view where, const Tensor& x, const Tensor& y) {
  if (x.dtype() != y.dtype()) {
    fail<DTypeError>("{}: element types must be the same: lhs {} · rhs {} [use Tensor::to]", where,
                     x.dtype(), y.dtype());
  }
}

void check_binary(std::string_view where, const Tensor& x, const Tensor& y) {
  check_dtypes(where, x, y);
  static_cast<void>(broadcast_shape(where, x.shape(), y.shape()));
}

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
      return u > v ? ScalarOf<A>(1) : (u < v ? ScalarOf<A>(0) : ScalarOf<A>(0.5));
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
    return (b <= ScalarOf<A>(0)).select(ScalarOf<A>(0), a);  // at NaN the cotangent passes
  });
}

Tensor add_into(Tensor&& x, const Tensor& y) {
  if (!x.unique() || !y.is_contiguous() || x.dtype() != y.dtype() || !(x.shape() == y.shape())) {
    return add(x, y);
  }
  map_walk({.inner = x.size(), .inner_step = {1, 1}}, x, y, x,
           [](const auto& a, const auto& b) { return a + b; });
  return std::move(x);
}

Tensor equal(const Tensor& x, const Tensor& y) {
  return binary("equal", x, y, []<class A>(const A& a, const auto& b) {
    return a.binaryExpr(b,
                        [](ScalarOf<A> u, ScalarOf<A> v) { return ScalarOf<A>(u == v ? 1 : 0); });
  });
}

Tensor mask(const Tensor& x, const Tensor& m) {
  return binary("mask", x, m, []<class A>(const A& a, const auto& b) {
    return (b == ScalarOf<A>(0)).select(ScalarOf<A>(0), a);
  });
}

Tensor scaled_difference(const Tensor& s, const Tensor& x, const Tensor& y) {
  if (s.rank() != 0 || !(x.shape() == y.shape())) {
    fail<ShapeError>("scaled_difference: a scalar, and two of one shape: {} · {} · {}", s.shape(),
                     x.shape(), y.shape());
  }
  check_dtypes("scaled_difference", s, x);
  return binary("scaled_difference", x, y, [factor = s.item()]<class A>(const A& a, const auto& b) {
    return (a - b) * static_cast<ScalarOf<A>>(factor);
  });
}

}  // namespace taskgrad::kernels
