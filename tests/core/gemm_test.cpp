#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/gemm.h>

#include "testing.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::numbers;

// What C holds before.
constexpr double kBefore = 12345;

struct Sizes {
  std::int64_t rows, inner, columns;
};

// Elements behind which no memory is: whoever reads or writes on is stopped by the system.
template <class T>
class Fenced {
 public:
  explicit Fenced(std::int64_t count)
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        pages_((static_cast<std::size_t>(count) * sizeof(T) + page_ - 1) / page_),
        begin_(static_cast<char*>(mmap(nullptr, (pages_ + 1) * page_, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(begin_ != MAP_FAILED);
    REQUIRE(mprotect(begin_ + pages_ * page_, page_, PROT_NONE) == 0);
    data_ = {reinterpret_cast<T*>(begin_ + pages_ * page_) - count,
             static_cast<std::size_t>(count)};
  }
  explicit Fenced(const Tensor& values) : Fenced(values.size()) {
    std::copy_n(values.data<T>(), values.size(), data());
  }
  ~Fenced() { munmap(begin_, (pages_ + 1) * page_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  T* data() const { return data_.data(); }
  void fill(T value) { std::ranges::fill(data_, value); }

 private:
  std::size_t page_, pages_;
  char* begin_;
  std::span<T> data_;
};

// The chain of gemm.h for one element, in plain loops.
template <class T>
T chain(const Gemm<T>& gemm, std::int64_t i, std::int64_t j) {
  T sum = gemm.bias == nullptr ? T(0) : gemm.bias[j];
  if (gemm.add) sum = static_cast<T>(kBefore);
  for (std::int64_t k = 0; k < gemm.inner; ++k) {
    sum = std::fma(*gemm.a.from(i, k).data, *gemm.b.from(k, j).data, sum);
  }
  return gemm.relu && sum < 0 ? T(0) : sum;
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
void check_code(const GemmCode<T>& code, const Gemm<T>& gemm, Fenced<T>& c) {
  Fenced<T> scratch(gemm_scratch(code, gemm));
  c.fill(static_cast<T>(kBefore));
  run_gemm(code, gemm, 0, gemm.rows, scratch.data());
  double worst = 0;
  for (std::int64_t i = 0; i < gemm.rows; ++i) {
    for (std::int64_t j = 0; j < gemm.columns; ++j) {
      const T expected = chain(gemm, i, j);
      const T found = gemm.c[i * gemm.columns + j];
      worst = std::max(worst, static_cast<double>(std::abs(found - expected)));
    }
  }
  const double rounding = std::is_same_v<T, float> ? 1e-6 : 1e-15;
  const double largest = gemm.add ? kBefore : 1;
  CHECK(worst <=
        (fused(code.name) ? 0.0 : rounding * largest * static_cast<double>(1 + gemm.inner)));
}

// Every orientation of both sides; from zero, from a bias, and to what is there, with and without
// relu.
template <class T>
void check_sizes(const GemmCode<T>& code, const Sizes& s) {
  CAPTURE(std::string(code.name));
  CAPTURE(s.rows);
  CAPTURE(s.inner);
  CAPTURE(s.columns);
  const Fenced<T> a(numbers({s.rows * s.inner}, kDTypeOf<T>, 1, -1, 1));
  const Fenced<T> b(numbers({s.inner * s.columns}, kDTypeOf<T>, 2, -1, 1));
  const Fenced<T> bias(numbers({s.columns}, kDTypeOf<T>, 3, -1, 1));
  Fenced<T> c(s.rows * s.columns);
  for (const bool a_along : {true, false}) {
    for (const bool b_along : {true, false}) {
      Gemm<T> gemm{.rows = s.rows,
                   .inner = s.inner,
                   .columns = s.columns,
                   .a = {a.data(), a_along ? s.inner : 1, a_along ? 1 : s.rows},
                   .b = {b.data(), b_along ? s.columns : 1, b_along ? 1 : s.inner},
                   .bias = nullptr,
                   .c = c.data(),
                   .c_row = s.columns};
      for (const bool relu : {false, true}) {
        gemm.relu = relu;
        gemm.add = false;
        gemm.bias = nullptr;
        check_code<T>(code, gemm, c);
        gemm.bias = bias.data();
        check_code<T>(code, gemm, c);
        gemm.add = true;
        check_code<T>(code, gemm, c);
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
    check_sizes(*code, {7, 300, 1100});   // far rows of B, read where they lie
    check_sizes(*code, {25, 300, 1100});  // packed for their distance
    check_sizes(*code, {600, 300, 5});    // far rows of A, some hundred at a time
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

TEST_CASE("gemm: the sign of a zero survives") {
  const float minus_zero = -0.0f;
  const float one = 1;
  for (const GemmCode<float>* code : gemm_codes<float>()) {
    float c = 1;
    const Gemm<float> gemm{1, 1, 1, {&minus_zero, 1, 1}, {&one, 1, 1}, &minus_zero, &c, 1};
    Fenced<float> scratch(gemm_scratch(*code, gemm));
    run_gemm(*code, gemm, 0, 1, scratch.data());
    CHECK(std::signbit(c));
  }
}

TEST_CASE("gemm: B may be a part of a wider matrix") {
  const Tensor wide = Tensor::full({2, 9}, HUGE_VAL, DType::f32);
  const Tensor part = numbers({2, 9}, DType::f32);
  const Tensor b = concat(std::vector<Tensor>{part, wide}, 1).slice(1, 0, 9);
  CHECK(equal_bits(matmul(part.transpose(), b), matmul(part.transpose(), b.clone())));
}

}  // namespace
}  // namespace taskgrad::kernels
