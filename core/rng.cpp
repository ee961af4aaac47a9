// Compiled without contraction to fused multiply-adds (-ffp-contract=off) and without calls into
// the mathematics library but sqrt, which IEEE fixes: that is what makes the bits portable.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/core/rng.h>

#include <Random123/philox.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>

namespace taskgrad {
namespace {

// 4 x 32 random bits for each of N counters from `first` on. N is known to the compiler, which
// computes several counters side by side.
template <std::size_t N>
std::array<std::uint32_t, 4 * N> philox(std::uint64_t key, std::uint64_t first) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::array<std::uint32_t, 4 * N> words;
  for (std::size_t n = 0; n < N; ++n) {
    const std::uint64_t counter = first + n;
    const auto four = r123::Philox4x32()({{low(counter), low(counter >> 32), 0, 0}},
                                         {{low(key), low(key >> 32)}});
    for (std::size_t k = 0; k < 4; ++k) words[4 * n + k] = four[k];
  }
  return words;
}

// The random bits an element of type T is made of: one word for f32, two for f64.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class B>
B pick(std::span<const std::uint32_t> words, std::size_t i) {
  if constexpr (sizeof(B) == 4) {
    return words[i];
  } else {
    return words[2 * i] | B{words[2 * i + 1]} << 32;
  }
}

// The finalizer of SplitMix64: a bijection that changes half of the bits for a change of any one.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A number of [0, bound); the probability of each is right to 2^-64.
std::int64_t below(std::int64_t bound, std::uint64_t random) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::int64_t>(Wide{random} * static_cast<std::uint64_t>(bound) >> 64);
}

// A tensor whose element i is f(the bits of element i). `cost` is that of one element.
template <class T, class F>
Tensor generate(const Shape& shape, std::uint64_t key, std::int64_t cost, const F& f) {
  constexpr std::int64_t kBatch = 256;  // elements
  constexpr std::int64_t kPerCounter = 16 / sizeof(T);
  static_assert(kBlock % kBatch == 0);
  Tensor result = Tensor::empty(shape, kDTypeOf<T>);
  T* out = result.mutable_data<T>();
  const std::int64_t size = shape.size();
  parallel_blocks((size + kBlock - 1) / kBlock, cost * size, [&](std::int64_t block) {
    const std::int64_t last = std::min(size, (block + 1) * kBlock);
    for (std::int64_t first = block * kBlock; first < last; first += kBatch) {
      const auto words =
          philox<kBatch / kPerCounter>(key, static_cast<std::uint64_t>(first / kPerCounter));
      const std::int64_t count = std::min(kBatch, last - first);
      for (std::int64_t i = 0; i < count; ++i) {
        out[first + i] = f(pick<Bits<T>>(words, static_cast<std::size_t>(i)));
      }
    }
  });
  return result;
}

// Natural logarithm of a finite x > 0: x = 2^n m with m near 1, log m = 2 atanh((m - 1)/(m + 1)).
double portable_log(double x) {
  constexpr double kLn2High = 0x1.62e42feep-1;  // 21 zeros at the end: n times it is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  if (x < std::numeric_limits<double>::min()) {
    return portable_log(x * 0x1p54) - 54.0 * (kLn2High + kLn2Low);
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int n = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++n;
  }
  const double s = (m - 1.0) / (m + 1.0);  // |s| < 0.1716, so s^22 / 23 is below 2^-60
  double series = 0.0;
  for (int k = 21; k > 1; k -= 2) series = (series + 1.0 / k) * s * s;
  return n * kLn2High + (n * kLn2Low + 2.0 * s * series + 2.0 * s);
}

using Coefficients = std::array<double, 8>;  // highest power first

double polynomial(const Coefficients& coefficients, double x) {
  double value = 0.0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

double ratio(const Coefficients& above, const Coefficients& below, double x) {
  return polynomial(above, x) / polynomial(below, x);
}

// M. J. Wichura, Algorithm AS 241, PPND16 (Applied Statistics 37, 1988). Takes the probability
// twice, as its distance from 1/2 and as that of the nearer tail, so that neither loses digits.
double quantile(double from_middle, double tail) {
  if (std::abs(from_middle) <= 0.425) {
    constexpr Coefficients kAbove{
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080};
    constexpr Coefficients kBelow{
        5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
        5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0};
    return from_middle * ratio(kAbove, kBelow, 0.180625 - from_middle * from_middle);
  }
  const double r = std::sqrt(-portable_log(tail));
  if (r <= 5.0) {
    constexpr Coefficients kAbove{7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                  2.41780725177450611770e-1, 1.27045825245236838258,
                                  3.64784832476320460504,    5.76949722146069140550,
                                  4.63033784615654529590,    1.42343711074968357734};
    constexpr Coefficients kBelow{1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                  1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                  6.89767334985100004550e-1, 1.67638483018380384940,
                                  2.05319162663775882187,    1.0};
    return std::copysign(ratio(kAbove, kBelow, r - 1.6), from_middle);
  }
  constexpr Coefficients kAbove{2.01033439929228813265e-7, 2.71155556874348757815e-5,
                                1.24266094738807843860e-3, 2.65321895265761230930e-2,
                                2.96560571828504891230e-1, 1.78482653991729133580,
                                5.46378491116411436990,    6.65790464350110377720};
  constexpr Coefficients kBelow{2.04426310338993978564e-15, 1.42151175831644588870e-7,
                                1.84631831751005468180e-5,  7.86869131145613259100e-4,
                                1.48753612908506148525e-2,  1.36929880922735805310e-1,
                                5.99832206555887937690e-1,  1.0};
  return std::copysign(ratio(kAbove, kBelow, r - 5.0), from_middle);
}

}  // namespace

Rng Rng::stream(std::string_view name) const {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bit
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Rng(mix(mix(key_) ^ hash));
}

Rng Rng::stream(std::uint64_t index) const { return Rng(mix(mix(~key_) ^ index)); }

Tensor Rng::uniform(const Shape& shape, double low, double high, DType dtype) const {
  if (!(low <= high && std::isfinite(high - low))) {
    fail<ConfigError>("uniform: needs finite low <= high: [{}, {})", low, high);
  }
  return dispatch(dtype, [&]<class T>(Type<T>) {
    constexpr int kDigits = std::numeric_limits<T>::digits;  // 24 or 53
    constexpr int kDropped = std::numeric_limits<Bits<T>>::digits - kDigits;
    const double cell = (high - low) / static_cast<double>(Bits<T>{1} << kDigits);
    const T below_high = std::max(static_cast<T>(low),  // rounding must not reach high
                                  std::nextafter(static_cast<T>(high), static_cast<T>(low)));
    return generate<T>(shape, key_, 3, [=](Bits<T> bits) {
      const auto k = static_cast<double>(bits >> kDropped);
      return std::min(static_cast<T>(low + cell * k), below_high);
    });
  });
}

Tensor Rng::normal(const Shape& shape, double mean, double deviation, DType dtype) const {
  if (!(deviation >= 0.0 && std::isfinite(deviation) && std::isfinite(mean))) {
    fail<ConfigError>("normal: needs a finite mean and a deviation >= 0: {}, {}", mean, deviation);
  }
  return dispatch(dtype, [&]<class T>(Type<T>) {
    // 2^n cells of equal probability, each of which gives the quantile of its middle: symmetric,
    // and never 0 or 1. Both arguments of quantile are exact.
    constexpr int kDigits = std::min(std::numeric_limits<Bits<T>>::digits, 53);
    constexpr int kDropped = std::numeric_limits<Bits<T>>::digits - kDigits;
    constexpr double kCells = static_cast<double>(std::uint64_t{1} << kDigits);
    return generate<T>(shape, key_, 16, [=](Bits<T> bits) {
      const double from_middle =
          (static_cast<double>(bits >> kDropped) - kCells / 2 + 0.5) / kCells;
      const double z = quantile(from_middle, 0.5 - std::abs(from_middle));
      return static_cast<T>(mean + deviation * z);
    });
  });
}

std::vector<std::int64_t> Rng::permutation(std::int64_t count) const {
  if (count < 0) fail<ConfigError>("permutation: needs count >= 0: {}", count);
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i-- > 1;) {  // Fisher-Yates
    const auto other = below(static_cast<std::int64_t>(i + 1), bits(i));
    std::swap(order[i], order[static_cast<std::size_t>(other)]);
  }
  return order;
}

std::vector<std::int64_t> Rng::integers(std::int64_t count, std::int64_t bound) const {
  if (count < 0) fail<ConfigError>("integers: needs count >= 0: {}", count);
  if (bound < 1) fail<ConfigError>("integers: needs bound >= 1: {}", bound);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = below(bound, bits(i));
  return numbers;
}

std::uint64_t Rng::bits(std::uint64_t index) const {
  return pick<std::uint64_t>(philox<1>(key_, index / 2), index % 2);
}

double normal_quantile(double p) {
  if (!(p > 0.0 && p < 1.0)) fail<ConfigError>("normal_quantile: needs 0 < p < 1: {}", p);
  return quantile(p - 0.5, std::min(p, 1.0 - p));
}

}  // namespace taskgrad
