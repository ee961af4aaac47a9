// Eigen's view of raw buffers. Private to the kernels: no public header includes Eigen.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <type_traits>

namespace taskgrad::kernels {

template <class T>
using ArrayIn = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ArrayOut = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

/// The scalar type of an array expression.
template <class A>
using ScalarOf = typename std::decay_t<A>::Scalar;

}  // namespace taskgrad::kernels
