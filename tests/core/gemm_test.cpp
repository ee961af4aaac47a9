#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/gemm.h>

#include "testing.h"
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::numbers;

// Rows, columns and what is around C are kept apart by a value that no product has.
constexpr double kUntouched = 12345;

struct Sizes {
  std::int64_t rows, inner, columns;
};

// The chain of gemm.h for one element, in plain loops.
template <class T>
T chain(const Gemm<T>& gemm, std::int64_t i, std::int64_t j) {
  T sum = gemm.bias == nullptr ? T(0) : gemm.bias[j];
  for (std::int64_t k = 0; k < gemm.inner; ++k) {
    sum = std::fma(*gemm.a.from(i, k).data, *gemm.b.from(k, j).data, sum);
  }
  return sum;
}

// `plain` is fused only where the library is built for a processor that can.
bool fused([[maybe_unused]] std::string_view name) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return true;
#else
  return name != "plain";
#endif
}

template <class T>
void check_code(const GemmCode<T>& code, const Gemm<T>& gemm, std::vector<T>& c) {
  std::vector<T> scratch(static_cast<std::size_t>(gemm_scratch(code, gemm)));
  std::fill(c.begin(), c.end(), static_cast<T>(kUntouched));
  run_gemm(code, gemm, 0, gemm_tiles(code, gemm.rows), scratch.data());
  double worst = 0;
  for (std::int64_t i = 0; i < gemm.rows; ++i) {
    for (std::int64_t j = 0; j < gemm.columns; ++j) {
      const T expected = chain(gemm, i, j);
      const T found = gemm.c[i * gemm.columns + j];
      worst = std::max(worst, static_cast<double>(std::abs(found - expected)));
    }
  }
  const double rounding = std::is_same_v<T, float> ? 1e-6 : 1e-15;
  CHECK(worst <= (fused(code.name) ? 0.0 : rounding * static_cast<double>(1 + gemm.inner)));
  CHECK(c[static_cast<std::size_t>(gemm.rows * gemm.columns)] == static_cast<T>(kUntouched));
}

// Every orientation of both sides, with and without a bias.
template <class T>
void check_sizes(const GemmCode<T>& code, const Sizes& s) {
  CAPTURE(std::string(code.name));
  CAPTURE(s.rows);
  CAPTURE(s.inner);
  CAPTURE(s.columns);
  const Tensor a = numbers({s.rows * s.inner}, kDTypeOf<T>, 1, -1, 1);
  const Tensor b = numbers({s.inner * s.columns}, kDTypeOf<T>, 2, -1, 1);
  const Tensor bias = numbers({s.columns}, kDTypeOf<T>, 3, -1, 1);
  std::vector<T> c(static_cast<std::size_t>(s.rows * s.columns) + 1);
  for (const bool a_along : {true, false}) {
    for (const bool b_along : {true, false}) {
      for (const T* start : {static_cast<const T*>(nullptr), bias.data<T>()}) {
        check_code<T>(code,
                      {.rows = s.rows,
                       .inner = s.inner,
                       .columns = s.columns,
                       .a = {a.data<T>(), a_along ? s.inner : 1, a_along ? 1 : s.rows},
                       .b = {b.data<T>(), b_along ? s.columns : 1, b_along ? 1 : s.inner},
                       .bias = start,
                       .c = c.data()},
                      c);
      }
    }
  }
}

template <class T>
void check_all_codes() {
  for (const GemmCode<T>* code : gemm_codes<T>()) {
    for (std::int64_t rows = 1; rows <= 2 * code->rows + 1; ++rows) {
      check_sizes(*code, {rows, 3, code->width * code->vectors + 1});
    }
    for (std::int64_t columns = 1; columns <= code->width * code->vectors * 2; ++columns) {
      check_sizes(*code, {code->rows, 5, columns});
    }
    check_sizes(*code, {13, 600, 70});    // several blocks of k
    check_sizes(*code, {7, 300, 1100});   // several blocks of panels, packed for their distance
    check_sizes(*code, {100, 250, 100});  // the toy's
  }
}

TEST_CASE("gemm: each instruction set gives the bits of the chain, at every edge of a tile") {
  check_all_codes<float>();
  check_all_codes<double>();
}

TEST_CASE("gemm: the last code runs everywhere, and no code stands twice") {
  const auto codes = gemm_codes<float>();
  REQUIRE(!codes.empty());
  CHECK(codes.back()->name == "plain");
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(codes[i] != codes[j]);
  }
}

TEST_CASE("gemm: the sign of a zero survives, and infinities stay where they are") {
  const Tensor x = Tensor::from({1, 1}, {-0.0}, DType::f32);
  const Tensor bias = Tensor::from({1}, {-0.0}, DType::f32);
  CHECK(std::signbit(linear(x, Tensor::from({1, 1}, {1}, DType::f32), bias).item()));
  // What lies beyond the edge of B is read, and must not show.
  const Tensor wide = Tensor::full({2, 9}, HUGE_VAL, DType::f32);
  const Tensor part = numbers({2, 9}, DType::f32);
  const Tensor b = concat(std::vector<Tensor>{part.slice(1, 0, 3), wide}, 1).slice(1, 0, 3);
  CHECK(equal_bits(matmul(part.transpose(), b), matmul(part.transpose(), b.clone())));
}

}  // namespace
}  // namespace taskgrad::kernels
