#include <taskgrad/core/rng.h>

#include <Random123/philox.h>

#include "testing.h"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace taskgrad {
namespace {

using testing::kDTypes;
using testing::text_of;

using Words = r123::Philox4x32::ctr_type;

// The four words of a counter, straight from Random123.
Words words_of(std::uint64_t key, std::uint64_t counter) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  return r123::Philox4x32()({{low(counter), low(counter >> 32), 0, 0}},
                            {{low(key), low(key >> 32)}});
}

std::uint64_t pair_of(const Words& words, std::uint64_t which) {
  const auto at = static_cast<std::size_t>(2 * which);
  return words[at] | std::uint64_t{words[at + 1]} << 32;
}

TEST_CASE("Philox4x32-10: the known answers that come with Random123") {
  struct Row {
    Words counter;
    r123::Philox4x32::key_type key;
    Words answer;
  };
  const Row rows[] = {
      {{{0, 0, 0, 0}}, {{0, 0}}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{~0u, ~0u, ~0u, ~0u}}, {{~0u, ~0u}}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       {{0xa4093822, 0x299f31d0}},
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const Row& row : rows) CHECK(r123::Philox4x32()(row.counter, row.key) == row.answer);
  CHECK(Rng(0).bits(0) == 0xe169c58d6627e8d5u);
  CHECK(Rng(0).bits(1) == 0x9b00dbd8bc57ac4cu);
}

// The quantile of the middle of cell k of 2^53; the upper half by symmetry, where p would round.
double quantile_of_cell(std::uint64_t k) {
  constexpr std::uint64_t kCells = std::uint64_t{1} << 53;
  if (k >= kCells / 2) return -quantile_of_cell(kCells - 1 - k);
  return normal_quantile((static_cast<double>(k) + 0.5) / static_cast<double>(kCells));
}

TEST_CASE("Rng: which bits an element is made of") {
  constexpr std::uint64_t kSeed = 0x299f31d0a4093822u;
  const Rng rng(kSeed);
  for (const std::uint64_t index : {0ull, 1ull, 77ull, 0x1'2345'6789ull, ~0ull}) {
    CHECK(rng.bits(index) == pair_of(words_of(kSeed, index / 2), index % 2));
  }
  constexpr std::int64_t kSize = 70'001;  // several blocks, and an end within a counter
  const Tensor f32 = rng.uniform({kSize}, 0, 1, DType::f32);
  const Tensor f64 = rng.uniform({kSize}, 0, 1, DType::f64);
  const Tensor n32 = rng.normal({kSize}, 0, 1, DType::f32);
  const Tensor n64 = rng.normal({kSize}, 0, 1, DType::f64);
  int wrong = 0;
  for (std::int64_t i = 0; i < kSize; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    const std::uint32_t word = words_of(kSeed, at / 4)[at % 4];
    const std::uint64_t bits = rng.bits(at);
    wrong += f32.data<float>()[i] != static_cast<float>(word >> 8) * 0x1p-24f;
    wrong += f64.data<double>()[i] != static_cast<double>(bits >> 11) * 0x1p-53;
    wrong += n32.data<float>()[i] != static_cast<float>(normal_quantile((word + 0.5) * 0x1p-32));
    wrong += n64.data<double>()[i] != quantile_of_cell(bits >> 11);
  }
  CHECK(wrong == 0);
}

TEST_CASE("Rng: bits are the same everywhere and for ever") {
  const Rng rng = Rng(42).stream("weights").stream(3);
  CHECK(rng.bits(0) == 16288496340801923964u);
  CHECK(hash_bits(rng.uniform({1000}, -1, 3, DType::f32)) == 17153439960850983258u);
  CHECK(hash_bits(rng.uniform({1000}, -1, 3, DType::f64)) == 7880032634539946230u);
  CHECK(hash_bits(rng.normal({100'000}, 1, 2, DType::f32)) == 3459242692477779324u);
  CHECK(hash_bits(rng.normal({100'000}, 1, 2, DType::f64)) == 11339757015363971345u);
  CHECK(rng.permutation(8) == std::vector<std::int64_t>{5, 6, 7, 4, 1, 0, 3, 2});
  CHECK(rng.integers(8, 100) == std::vector<std::int64_t>{88, 55, 80, 33, 31, 9, 50, 34});
}

TEST_CASE("Rng: an element depends on its index alone, for every number of threads") {
  const Rng rng(5);
  for (const DType dtype : kDTypes) {
    const Tensor u = rng.uniform({40'000}, -1, 1, dtype);
    const Tensor z = rng.normal({40'000}, 0, 1, dtype);
    for (const std::int64_t size : {0, 1, 3, 255, 257, 16'385}) {
      CHECK(equal_bits(rng.uniform({size}, -1, 1, dtype), u.slice(0, 0, size)));
      CHECK(equal_bits(rng.normal({size}, 0, 1, dtype), z.slice(0, 0, size)));
    }
    CHECK(equal_bits(rng.uniform({200, 200}, -1, 1, dtype), u.reshape({200, 200})));
    CHECK(rng.uniform({}, -1, 1, dtype).item() == u.values()[0]);
    testing::check_every_thread_count([&] { return rng.uniform({100'003}, -1, 1, dtype); });
    testing::check_every_thread_count([&] { return rng.normal({100'003}, 0, 1, dtype); });
  }
}

TEST_CASE("Rng: streams by name and by index") {
  const Rng rng(1);
  CHECK(rng.stream("a").bits(7) == rng.stream("a").bits(7));
  CHECK(rng.stream("a").stream(2).bits(7) == Rng(1).stream("a").stream(2).bits(7));
  std::vector<std::uint64_t> seen{rng.bits(0), Rng(2).bits(0)};
  for (const char* name : {"", "a", "b", "ab", "ba", "trunk.0.weight", "trunk.0.bias"}) {
    seen.push_back(rng.stream(name).bits(0));
  }
  for (std::uint64_t index = 0; index < 1000; ++index) seen.push_back(rng.stream(index).bits(0));
  seen.push_back(rng.stream("a").stream("b").bits(0));
  seen.push_back(rng.stream("b").stream("a").bits(0));
  seen.push_back(rng.stream(1).stream(2).bits(0));
  seen.push_back(rng.stream(2).stream(1).bits(0));
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The mean of ((x - center) / spread)^power.
double moment(const std::vector<double>& values, double center, double spread, int power) {
  double total = 0;
  for (const double x : values) total += std::pow((x - center) / spread, power);
  return total / static_cast<double>(values.size());
}

TEST_CASE("uniform: range and moments") {
  for (const DType dtype : kDTypes) {
    constexpr double kSize = 200'000;
    const std::vector<double> u =
        Rng(9).uniform({static_cast<std::int64_t>(kSize)}, -1, 3, dtype).values();
    CHECK(*std::min_element(u.begin(), u.end()) >= -1);
    CHECK(*std::max_element(u.begin(), u.end()) < 3);
    CHECK(std::abs(mean_of(u) - 1) < 5 * (4 / std::sqrt(12 * kSize)));
    CHECK(std::abs(moment(u, 1, 4 / std::sqrt(12.0), 2) - 1) < 5 * std::sqrt(0.8 / kSize));
  }
}

TEST_CASE("uniform: never high, however narrow the range") {
  struct Row {
    double low, high;
  };
  const Row rows[] = {{1, 1 + 0x1p-23},   {16'777'214, 16'777'216},
                      {-1 - 0x1p-23, -1}, {0, 1e-45},
                      {-3e38, 3e38},      {0.1, 0.3}};
  for (const Row& row : rows) {
    const Tensor u = Rng(3).uniform({10'000}, row.low, row.high, DType::f32);
    bool inside = true;
    for (const double x : u.values()) {
      inside = inside && x >= static_cast<float>(row.low) && x < static_cast<float>(row.high);
    }
    CAPTURE(row.low);
    CHECK(inside);
  }
  for (const double x : Rng(3).uniform({1000}, 1, 1 + 0x1p-52, DType::f64).values()) CHECK(x == 1);
  CHECK(Rng(3).uniform({2}, 5, 5, DType::f32).values() == std::vector<double>{5, 5});
}

TEST_CASE("normal: moments, tails and the sum of squares of neighbours") {
  for (const DType dtype : kDTypes) {
    constexpr double kSize = 200'000;
    const std::vector<double> z =
        Rng(11).normal({static_cast<std::int64_t>(kSize)}, 10, 3, dtype).values();
    CHECK(std::abs(mean_of(z) - 10) < 5 * 3 / std::sqrt(kSize));
    CHECK(std::abs(moment(z, 10, 3, 2) - 1) < 5 * std::sqrt(2 / kSize));
    CHECK(std::abs(moment(z, 10, 3, 3)) < 5 * std::sqrt(15 / kSize));
    CHECK(std::abs(moment(z, 10, 3, 4) - 3) < 5 * std::sqrt(96 / kSize));
    for (const double t : {0.5, 1.0, 2.0, 3.0}) {
      const double p = std::erfc(t / std::sqrt(2.0));
      const auto beyond = static_cast<double>(
          std::count_if(z.begin(), z.end(), [&](double x) { return std::abs(x - 10) > 3 * t; }));
      CHECK(std::abs(beyond / kSize - p) < 5 * std::sqrt(p * (1 - p) / kSize));
    }
    double neighbours = 0;
    for (std::size_t i = 1; i < z.size(); ++i) neighbours += (z[i] - 10) * (z[i - 1] - 10) / 9;
    CHECK(std::abs(neighbours / kSize) < 5 / std::sqrt(kSize));
  }
  CHECK(Rng(1).normal({2}, 7, 0, DType::f64).values() == std::vector<double>{7, 7});
}

TEST_CASE("normal_quantile: inverts the distribution function to 1e-13 and is odd") {
  std::vector<double> tails{1e-300, 1e-200, 1e-100, 1e-50, 1e-20, 1.3e-11, 1.4e-11, 0.0749, 0.0751};
  for (double p = 0x1p-60; p < 0.4; p *= 1.37) tails.push_back(p);
  for (double p = 0.0005; p < 0.5; p += 0.0011) tails.push_back(p);
  for (const double p : tails) {
    CAPTURE(p);
    const double x = normal_quantile(p);
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    const double error = (0.5 * std::erfc(-x / std::sqrt(2.0)) - p) / density;
    CHECK(std::abs(error) <= 1e-13 * std::max(1.0, std::abs(x)));
    if (1 - (1 - p) == p) CHECK(normal_quantile(1 - p) == -x);
  }
  CHECK(normal_quantile(0.5) == 0);
  CHECK(normal_quantile(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-15));
  CHECK(std::isfinite(normal_quantile(std::numeric_limits<double>::denorm_min())));
  CHECK(normal_quantile(0x1p-1074) < normal_quantile(0x1p-1073));
  CHECK(normal_quantile(0x1p-1022) < normal_quantile(0x1.1p-1022));
  CHECK(normal_quantile(1 - 0x1p-53) > 8.2);
}

// Pearson's statistic of counts that should all be equal.
double chi_squared(const std::vector<int>& counts) {
  const double expected =
      std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double total = 0;
  for (const int count : counts) total += (count - expected) * (count - expected) / expected;
  return total;
}

TEST_CASE("integers: in range and equally often") {
  const Rng rng(13);
  std::vector<int> counts(10);
  for (const std::int64_t x : rng.integers(100'000, 10)) ++counts.at(static_cast<std::size_t>(x));
  CHECK(chi_squared(counts) < 33.7);  // 9 degrees of freedom, 1e-4
  CHECK(rng.integers(3, 1) == std::vector<std::int64_t>{0, 0, 0});
  CHECK(rng.integers(0, 1).empty());
  for (const std::int64_t x : rng.integers(1000, std::numeric_limits<std::int64_t>::max())) {
    CHECK(x >= 0);
  }
}

TEST_CASE("permutation: every order of four equally often") {
  std::vector<int> counts(256);
  for (std::uint64_t i = 0; i < 48'000; ++i) {
    std::size_t code = 0;
    for (const std::int64_t x : Rng(17).stream(i).permutation(4)) {
      code = 4 * code + static_cast<std::size_t>(x);
    }
    ++counts[code];
  }
  counts.erase(std::remove(counts.begin(), counts.end(), 0), counts.end());
  CHECK(counts.size() == 24);
  CHECK(chi_squared(counts) < 57.1);  // 23 degrees of freedom, 1e-4

  std::vector<std::int64_t> order = Rng(17).permutation(1000);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == static_cast<std::int64_t>(i));
  CHECK(Rng(17).permutation(0).empty());
  CHECK(Rng(17).permutation(1) == std::vector<std::int64_t>{0});
}

TEST_CASE("Rng: what it refuses") {
  const Rng rng(1);
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(text_of<ConfigError>([&] { rng.uniform({1}, 2, 1, DType::f32); }) ==
        "uniform: needs finite low <= high: [2, 1)");
  CHECK(text_of<ConfigError>([&] { rng.uniform({1}, 0, inf, DType::f32); }) ==
        "uniform: needs finite low <= high: [0, inf)");
  CHECK(text_of<ConfigError>([&] { rng.uniform({1}, nan, 1, DType::f32); }) ==
        "uniform: needs finite low <= high: [nan, 1)");
  CHECK(text_of<ConfigError>([&] { rng.normal({1}, 0, -1, DType::f32); }) ==
        "normal: needs a finite mean and a deviation >= 0: 0, -1");
  CHECK(text_of<ConfigError>([&] { rng.normal({1}, nan, 1, DType::f32); }) ==
        "normal: needs a finite mean and a deviation >= 0: nan, 1");
  CHECK(text_of<ConfigError>([&] { rng.permutation(-1); }) == "permutation: needs count >= 0: -1");
  CHECK(text_of<ConfigError>([&] { rng.integers(-1, 5); }) == "integers: needs count >= 0: -1");
  CHECK(text_of<ConfigError>([&] { rng.integers(5, 0); }) == "integers: needs bound >= 1: 0");
  for (const double p : {0.0, 1.0, -0.5, 2.0, nan}) {
    CHECK(text_of<ConfigError>([&] {
            normal_quantile(p);
          }).find("normal_quantile: needs 0 < p < 1: ") == 0);
  }
}

}  // namespace
}  // namespace taskgrad
