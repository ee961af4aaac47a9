// C = A B in vector registers. Private to the kernels.
//
// Every element of C is one chain of fused multiply-adds in the order of k,
//
//   c_ij = fma(a_iK, b_Kj, ... fma(a_i2, b_2j, fma(a_i1, b_1j, bias_j))),
//
// so its bits do not depend on blocks, packing, the width of a vector or the number of threads:
// those decide when a link is made, never which. A processor without the fused instruction rounds
// twice a link.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace taskgrad::kernels {

/// Element (i, j) lies at data[i * row + j * column].
template <class T>
struct MatrixView {
  T* data;
  std::int64_t row;
  std::int64_t column;

  MatrixView from(std::int64_t i, std::int64_t j) const {
    return {data + i * row + j * column, row, column};
  }
};

/// C [rows, columns] = start + A B, or relu of it, for at most as many columns as the vectors of a
/// GemmCode have.
template <class T>
struct Panel {
  std::int64_t inner = 0, columns = 0;
  MatrixView<const T> a = {};
  const T* b = nullptr;  // rows are b_row apart, and have at least GemmCode::width elements
  std::int64_t b_row = 0;
  const T* start = nullptr;  // null: zero
  std::int64_t start_row = 0;
  T* c = nullptr;
  std::int64_t c_row = 0;
  bool relu = false;  // of what is stored
};

/// The part of a product that is written for an instruction set.
template <class T>
struct GemmCode {
  std::string_view name;
  std::int64_t rows, vectors;  // of C that fit into the registers
  std::int64_t width;          // elements of a vector
  /// Rows [first, last) of C, as many at a time as fit into the registers.
  void (*run)(const Panel<T>& panel, std::int64_t first, std::int64_t last);
  /// Copies b [inner, columns] row after row, each begun at a multiple of the width; zeros follow
  /// one that is shorter than the width.
  void (*pack)(MatrixView<const T> b, std::int64_t inner, std::int64_t columns, T* panel);
};

/// All there are, each in a source of its own.
template <class T>
struct GemmCodes;
template <>
struct GemmCodes<float> {
  static const GemmCode<float> avx512, avx512_narrow, avx2, plain;
};
template <>
struct GemmCodes<double> {
  static const GemmCode<double> avx512, avx512_narrow, avx2, plain;
};

/// Those that this machine can run, the best first; the last is `plain`.
template <class T>
std::span<const GemmCode<T>* const> gemm_codes();

/// C = A B, C = bias + A B or, to go on with a chain, C = C + A B. There is at least one link.
template <class T>
struct Gemm {
  std::int64_t rows, inner, columns;
  MatrixView<const T> a, b;
  const T* bias;  // one row for all; null: zero
  T* c;           // rows are c_row apart
  std::int64_t c_row;
  bool add = false;
  bool relu = false;  // of the result

  /// Columns [first, last) of it.
  Gemm part(std::int64_t first, std::int64_t last) const {
    Gemm some = *this;
    some.columns = last - first;
    some.b = b.from(0, first);
    some.bias = bias == nullptr ? nullptr : bias + first;
    some.c = c + first;
    return some;
  }
};

/// Elements of scratch that a call of run_gemm() needs, for it or a part of it.
template <class T>
std::int64_t gemm_scratch(const GemmCode<T>& code, const Gemm<T>& gemm);
/// Rows [first, last) of C.
template <class T>
void run_gemm(const GemmCode<T>& code, const Gemm<T>& gemm, std::int64_t first, std::int64_t last,
              T* scratch);

}  // namespace taskgrad::kernels
