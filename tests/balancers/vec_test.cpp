#include <taskgrad/balancers/vec.h>
#include <taskgrad/balancers/vec_adam.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace taskgrad {
namespace {

TEST_CASE("vec: arithmetic is elementwise") {
  const Vec x{1, 2, 4};
  CHECK(x / Vec{2, 2, 2} == Vec{0.5, 1, 2});
  CHECK(x * x == Vec{1, 4, 16});
  CHECK(sum(x) == 7);
  CHECK(mean(x) == doctest::Approx(7.0 / 3));
  CHECK(max(x, 2) == Vec{2, 2, 4});
  CHECK(exp(log(x))[2] == doctest::Approx(4));
  CHECK(all_finite(x));
  CHECK_FALSE(all_finite(Vec{1, std::numeric_limits<double>::infinity()}));
  CHECK(to_vec(to_tensor(x)) == x);
}

TEST_CASE("vec: a matrix keeps rows apart") {
  Matrix m(2, 3);
  m(1, 2) = 5;
  CHECK(m.rows() == 2);
  CHECK(m.columns() == 3);
  CHECK(m(1, 2) == 5);
  CHECK(m(0, 2) == 0);
}

TEST_CASE("vec adam: the update of Kingma and Ba, written out") {
  VecAdam adam(1, 0.1);
  Vec x{1};
  double m = 0;
  double v = 0;
  double expected = 1;
  for (int t = 1; t <= 5; ++t) {
    const double g = 2 * expected - 0.3;
    adam.step(x, {2 * x[0] - 0.3});
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    expected -=
        0.1 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    CHECK(x[0] == doctest::Approx(expected).epsilon(1e-14));
  }
  CHECK(adam.steps() == 5);
}

}  // namespace
}  // namespace taskgrad
