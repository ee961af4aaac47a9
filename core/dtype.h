// The two element types and the one place where a run-time type becomes a template argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace taskgrad {

/// Element type of a tensor. Types are never mixed or promoted; use Tensor::to.
enum class DType : std::uint8_t { f32, f64 };

template <class T>
inline constexpr DType kDTypeOf = DType::f32;
template <>
inline constexpr DType kDTypeOf<double> = DType::f64;

constexpr std::size_t size_of(DType dtype) { return dtype == DType::f32 ? 4 : 8; }
constexpr std::string_view name(DType dtype) { return dtype == DType::f32 ? "f32" : "f64"; }

template <class T>
struct Type {
  using type = T;
};

/// Calls `f(Type<float>{})` or `f(Type<double>{})`, once an operation:
/// `dispatch(x.dtype(), [&]<class T>(Type<T>) { ... x.data<T>() ... })`.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  return dtype == DType::f32 ? f(Type<float>{}) : f(Type<double>{});
}

}  // namespace taskgrad
