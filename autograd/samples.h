// Sample inputs that an op brings along; the table test runs every op through its samples, and
// through random ones that the op draws itself.
#pragma once

#include <taskgrad/core/tensor.h>

#include <any>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taskgrad {

/// Inputs in f64 (and attributes) of one call.
struct Sample {
  std::string label;
  std::vector<Tensor> inputs;
  std::any attrs = {};
};

/// Where an op gets random sizes and numbers from.
class Draw {
 public:
  virtual ~Draw() = default;
  /// A whole number of [low, high].
  virtual std::int64_t integer(std::int64_t low, std::int64_t high) = 0;
  bool coin() { return integer(0, 1) == 1; }
  unsigned seed() { return static_cast<unsigned>(integer(0, 1'000'000)); }
  /// A shape with extents of [1, 4].
  Shape shape(int lowest_rank, int highest_rank);
  /// f64 numbers in [low, high).
  Tensor numbers(const Shape& shape, double low = -2, double high = 2);
};

/// What an op accepts, what it must refuse with a ShapeError, and where it is easy to state, its
/// value element by element, written without the kernels.
struct Samples {
  std::vector<Sample> good;
  std::vector<Sample> bad = {};
  std::function<double(double)> unary = {};
  std::function<double(double, double)> binary = {};
  /// A random call, for the laws.
  std::function<Sample(Draw&)> random = {};
  /// The inputs along whose first axis, the output's first too, the op does the same to each part:
  /// the result of joined parts is the joined results.
  std::vector<int> batched = {};
};

namespace samples {

/// f64 numbers in [low, high), a function of the shape and `seed`.
Tensor numbers(const Shape& shape, double low, double high, unsigned seed = 1);
/// The same element values as `x` in a view whose elements are not packed.
Tensor scattered(const Tensor& x);

/// Vector, matrix, scalar, empty and unpacked inputs with elements in [low, high).
Samples unary(std::function<double(double)> value, double low = -2, double high = 2);
/// Pairs of equal shapes, every kind of broadcast, scalars, empty and unpacked operands; y lies in
/// [low, high) and may avoid 0 that way.
Samples binary(std::function<double(double, double)> value, double low = -2, double high = 2);

/// The same samples, each with these attributes.
template <class Attrs>
Samples with_attrs(Samples samples, const Attrs& attrs) {
  for (Sample& sample : samples.good) sample.attrs = attrs;
  for (Sample& sample : samples.bad) sample.attrs = attrs;
  samples.random = [random = std::move(samples.random), attrs](Draw& draw) {
    Sample sample = random(draw);
    sample.attrs = attrs;
    return sample;
  };
  return samples;
}

}  // namespace samples
}  // namespace taskgrad
