#include <taskgrad/balancers/config.h>
#include <taskgrad/balancers/solvers.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {

Vec ConFig::gramian_weights(const Matrix& gramian, const Present& present) {
  constexpr double kZero = 1e-12;
  const int tasks = present.count();
  Vec inverse(tasks);  // 1/|g_i|, 0 for a zero gradient
  Vec ones(tasks);
  for (int i = 0; i < tasks; ++i) {
    if (!(gramian(i, i) > 0)) continue;
    inverse[i] = 1 / std::sqrt(gramian(i, i));
    ones[i] = 1;
  }
  Matrix unit = gramian;  // U U'
  for (int i = 0; i < tasks; ++i) {
    for (int j = 0; j < tasks; ++j) unit(i, j) *= inverse[i] * inverse[j];
  }
  const Vec x = solvers::pseudo_inverse_times(unit, ones);  // U^+ 1 = U'x
  const Vec reached = unit * x;  // 1 where all cosines can be equal; the part of it that can, else
  if (!(dot(reached, reached) > kZero * tasks)) return Vec(tasks);
  const double square = dot(x, reached);
  const Vec a = x * inverse;
  return (sum(gramian * a) / square) * a;
}

}  // namespace taskgrad
