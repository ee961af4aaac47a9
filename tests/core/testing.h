// What the tests of core/ share: numbers, layouts, texts of errors, thread counts.
#pragma once

#include <taskgrad/core/error.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/core/tensor.h>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace taskgrad::testing {

inline constexpr std::array kDTypes{DType::f32, DType::f64};

/// The text of the E that `f` throws; an exception of another type fails the test.
template <class E, class F>
std::string text_of(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Numbers in [low, high) by a linear congruential generator: no kernel, no Rng. The default bounds
/// are not dyadic, so that sums and products round in f64 too.
inline Tensor numbers(const Shape& shape, DType dtype, std::uint32_t seed = 1, double low = -2.1,
                      double high = 1.9) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  for (double& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = low + (high - low) * (seed >> 8) * 0x1p-24;
  }
  return Tensor::from(shape, values, dtype);
}

/// 0, 1, 2, ...
inline Tensor range(const Shape& shape, DType dtype = DType::f64) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  return Tensor::from(shape, values, dtype);
}

/// Calls f(index) for every index of the shape in row-major order.
template <class F>
void for_each_index(const Shape& shape, const F& f) {
  std::array<std::int64_t, kMaxRank> index{};
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    f(index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
}

/// One element by strides alone.
inline double at(const Tensor& x, const std::array<std::int64_t, kMaxRank>& index) {
  std::int64_t offset = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    offset += index[a] * x.strides()[a];
  }
  return dispatch(x.dtype(), [&]<class T>(Type<T>) -> double { return x.data<T>()[offset]; });
}

/// The same values in other layouts: packed, axes stored in reverse, every second element.
inline std::vector<Tensor> layouts(const Tensor& x) {
  std::vector<int> reverse;
  Shape reversed, doubled = x.shape();
  for (int axis = x.rank(); axis-- > 0;) {
    reverse.push_back(axis);
    reversed.append(x.shape()[axis]);
  }
  std::vector<double> columns, pairs;
  const Tensor flipped = x.permute(reverse);
  for_each_index(reversed, [&](const auto& index) { columns.push_back(at(flipped, index)); });
  for_each_index(x.shape(), [&](const auto& index) {
    pairs.push_back(at(x, index));
    pairs.push_back(99);
  });
  std::vector<Tensor> all{x, Tensor::from(reversed, columns, x.dtype()).permute(reverse)};
  if (x.rank() < kMaxRank) {
    doubled.append(2);
    all.push_back(Tensor::from(doubled, pairs, x.dtype()).select(x.rank(), 0));
  }
  return all;
}

/// Checks that `f`, which returns a tensor, gives equal bits for every number of threads.
template <class F>
void check_every_thread_count(const F& f) {
  const int before = threads();
  set_threads(1);
  const Tensor expected = f();
  for (const int count : {2, 3, 8}) {
    CAPTURE(count);
    set_threads(count);
    CHECK(equal_bits(f(), expected));
  }
  set_threads(before);
}

}  // namespace taskgrad::testing
