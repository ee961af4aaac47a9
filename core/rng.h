// Random numbers as a function of (seed, name of the stream, index): nothing is drawn "next", so
// results do not depend on order or threads, and adding a stream changes no other.
#pragma once

#include <taskgrad/core/tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace taskgrad {

/// A stream of Philox4x32-10 (Salmon et al., SC 2011). A value type: copies give the same numbers.
/// Equal bits on every IEEE platform, for every thread count. Everything drawn from one stream is
/// made of the same bits: take a stream for each purpose. Invalid arguments throw ConfigError.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : key_(seed) {}

  /// An independent stream; the same name or index gives the same stream again.
  Rng stream(std::string_view name) const;
  Rng stream(std::uint64_t index) const;

  /// Element i of `[low, high)` from the bits of i; 24 of them in f32, 53 in f64.
  Tensor uniform(const Shape& shape, double low, double high, DType dtype) const;
  /// Element i of N(mean, deviation^2), by the inverse distribution function of 32 or 53 bits.
  Tensor normal(const Shape& shape, double mean, double deviation, DType dtype) const;
  /// A random order of 0 .. count - 1.
  std::vector<std::int64_t> permutation(std::int64_t count) const;
  /// `count` independent numbers of [0, bound); the probability of each is right to 2^-64.
  std::vector<std::int64_t> integers(std::int64_t count, std::int64_t bound) const;
  /// The 64 random bits of `index`.
  std::uint64_t bits(std::uint64_t index) const;

 private:
  std::uint64_t key_;
};

/// The x with P(N(0, 1) < x) = p for 0 < p < 1 (Wichura, Algorithm AS 241), to about 1e-15
/// relative.
double normal_quantile(double p);

}  // namespace taskgrad
