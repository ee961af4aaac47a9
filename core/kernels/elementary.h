// exp, expm1, log, tanh and their kin of one number. No branch and no table: the compiler runs
// several elements side by side, and the last ones of a block get the same bits as the others.
// Within 3 units in the last place of the true value, also for denormals; infinities and NaN as the
// C library has it.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace taskgrad::kernels::elementary {

template <class T>
struct Format;

template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr int kBias = 127;
  static constexpr int kExpTerms = 8;
  static constexpr int kLogTerms = 4;
  // ln 2 in two parts; few enough bits in the first that its product with an exponent is exact.
  static constexpr float kLn2High = 0.693359375F;
  static constexpr float kLn2Low = -2.12194440e-4F;
  // Below and above, e^x is 0 and infinity.
  static constexpr float kLowest = -110, kHighest = 100;
};

template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr int kBias = 1023;
  static constexpr int kExpTerms = 13;
  static constexpr int kLogTerms = 9;
  static constexpr double kLn2High = 6.93147180369123816490e-01;
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kLowest = -760, kHighest = 720;
};

// A number so large that adding it rounds to a whole number, which then stands in the lowest bits.
template <class T>
constexpr T kRounder = T(3) * T(typename Format<T>::Bits(1) << (Format<T>::kMantissa - 1));

// 2^k for a whole number k of a normal result.
template <class T>
[[gnu::always_inline]] inline T power_of_two(T k) {
  using F = Format<T>;
  using Bits = typename F::Bits;
  const Bits whole = std::bit_cast<Bits>(k + kRounder<T>) - std::bit_cast<Bits>(kRounder<T>);
  return std::bit_cast<T>((whole + Bits(F::kBias)) << F::kMantissa);
}

// e^x = (1 + rest) 2^exponent with |ln(1 + rest)| <= ln 2 / 2.
template <class T>
struct Split {
  T rest;
  T exponent;
};

template <class T>
[[gnu::always_inline]] inline Split<T> split_exp(T x) {
  using F = Format<T>;
  constexpr auto kInverseFactorials = [] {
    std::array<T, F::kExpTerms> inverse{};
    double factorial = 1;
    for (int k = 1; k <= F::kExpTerms; ++k) inverse[std::size_t(k - 1)] = T(1 / (factorial *= k));
    return inverse;
  }();
  const T exponent = (x * T(1.44269504088896340736) + kRounder<T>)-kRounder<T>;  // x / ln 2
  const T r = (x - exponent * F::kLn2High) - exponent * F::kLn2Low;
  T tail = kInverseFactorials[F::kExpTerms - 1];
  for (int k = F::kExpTerms - 2; k >= 1; --k) tail = tail * r + kInverseFactorials[std::size_t(k)];
  return {r + r * r * tail, exponent};
}

template <class T>
[[gnu::always_inline]] inline T exp(T x) {
  using F = Format<T>;
  x = x < F::kLowest ? F::kLowest : x;  // NaN stays NaN
  x = x > F::kHighest ? F::kHighest : x;
  const Split<T> e = split_exp(x);
  const T half = (e.exponent * T(0.5) + kRounder<T>)-kRounder<T>;
  // In two steps, for results that are not normal numbers.
  return (T(1) + e.rest) * power_of_two(half) * power_of_two(e.exponent - half);
}

// e^x - 1 for x <= 0, without the loss of digits near 0.
template <class T>
[[gnu::always_inline]] inline T expm1_of_negative(T x) {
  constexpr T kMinusOne = -50;  // e^x - 1 rounds to -1 from here on
  x = x < kMinusOne ? kMinusOne : x;
  const Split<T> e = split_exp(x);
  const T power = power_of_two(e.exponent);
  return e.rest * power + (power - T(1));
}

template <class T>
[[gnu::always_inline]] inline T tanh(T x) {
  const T minus = expm1_of_negative(T(-2) * std::abs(x));
  return std::copysign(minus / (minus + T(2)), x);
}

template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  return T(1) / (T(1) + exp(-x));
}

// ln x = exponent ln 2 + ln(1 + f) with 1 + f in [sqrt(1/2), sqrt 2), and
// ln(1 + f) = 2 (s + s^3/3 + s^5/5 + ...) for s = f / (2 + f).
template <class T>
[[gnu::always_inline]] inline T log(T x) {
  using F = Format<T>;
  using Bits = typename F::Bits;
  constexpr T kSmallest = std::numeric_limits<T>::min();
  constexpr T kRaise = T(Bits(1) << F::kMantissa);  // makes a denormal number normal
  constexpr Bits kRootOfHalf = std::bit_cast<Bits>(T(0.70710678118654752440));
  constexpr Bits kBiased = Bits(F::kBias) << F::kMantissa;
  const bool raised = x < kSmallest;
  const Bits bits = std::bit_cast<Bits>(raised ? x * kRaise : x);
  const Bits biased = (bits - kRootOfHalf + kBiased) >> F::kMantissa;
  const T mantissa = std::bit_cast<T>(bits - ((biased - Bits(F::kBias)) << F::kMantissa));
  constexpr T kZero = kRaise + T(F::kBias);  // where the exponent is 0
  const T exponent = std::bit_cast<T>(biased | std::bit_cast<Bits>(kRaise)) -
                     (raised ? kZero + T(F::kMantissa) : kZero);
  const T f = mantissa - T(1);
  const T s = f / (T(2) + f);
  const T z = s * s;
  T tail = T(2) / T(2 * F::kLogTerms + 1);
  for (int k = F::kLogTerms - 1; k >= 1; --k) tail = tail * z + T(2) / T(2 * k + 1);
  const T near_one =
      f - s * (f - z * tail);  // = 2 s + s z tail, with the rounding of s scaled down
  const T value = exponent * F::kLn2High + (near_one + exponent * F::kLn2Low);
  const T positive = x <= std::numeric_limits<T>::max() ? value : x;
  const T pole =
      x == T(0) ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::quiet_NaN();
  return x > T(0) ? positive : pole;
}

// ln(1 + x) for x in [0, 1]: what 1 + x rounds away is put back to first order.
template <class T>
[[gnu::always_inline]] inline T log1p_of_fraction(T x) {
  const T sum = T(1) + x;
  return log(sum) + (x - (sum - T(1))) / sum;
}

template <class T>
[[gnu::always_inline]] inline T softplus(T x) {
  return (x < T(0) ? T(0) : x) + log1p_of_fraction(exp(-std::abs(x)));
}

}  // namespace taskgrad::kernels::elementary
