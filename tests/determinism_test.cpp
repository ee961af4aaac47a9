// The promise of the README: the same binary, inputs and seed give equal bits for every thread
// count and every run.
#include <taskgrad/core/parallel.h>

#include <doctest/doctest.h>

#include "training.h"
#include <cmath>

namespace taskgrad {
namespace {

using test::Training;

TEST_CASE("determinism: GradNorm training has equal bits on 1, 2, 3 and 8 threads") {
  const int before = threads();
  for (const DType dtype : {DType::f32, DType::f64}) {
    std::uint64_t expected = 0;
    for (const int count : {1, 1, 2, 3, 8}) {
      CAPTURE(count);
      set_threads(count);
      Training training(dtype);
      training.run(5);
      if (expected == 0) expected = training.hash();
      CHECK(training.hash() == expected);
    }
  }
  set_threads(before);
}

TEST_CASE("determinism: the hash sees a single bit") {
  Tensor x = Tensor::from({3}, {1, 2, 3}, DType::f64);
  const std::uint64_t before = hash_bits(x);
  x.mutable_data<double>()[1] = std::nextafter(2.0, 3.0);
  CHECK(hash_bits(x) != before);
}

}  // namespace
}  // namespace taskgrad
