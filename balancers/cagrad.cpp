#include <taskgrad/balancers/cagrad.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <cmath>

namespace taskgrad {

CaGrad::CaGrad(CaGradOptions options) : options_(options) {
  if (!(options.c >= 0) || !std::isfinite(options.c)) {
    fail<ConfigError>("CaGrad: c is finite and not negative: {}", options.c);
  }
}

Vec CaGrad::gramian_weights(const Matrix& gramian, const Present& present) {
  constexpr double kZero = 1e-7;  // a length below this share of the longest row is rounding
  const int tasks = present.count();
  const double c = options_.c;
  const Vec equal(tasks, 1.0 / tasks);
  const double radius = c * std::sqrt(std::max(dot(equal, gramian * equal), 0.0));
  if (radius == 0) return equal;

  const Vec w = solvers::conflict_averse(gramian, radius);
  double longest = 0;  // of w_i g_i
  for (int i = 0; i < tasks; ++i) longest = std::max(longest, w[i] * std::sqrt(gramian(i, i)));
  const double norm = std::sqrt(std::max(dot(w, gramian * w), 0.0));
  if (norm <= kZero * longest) return Vec(tasks);

  Vec a = equal + (radius / norm) * w;
  if (options_.rescale == Rescale::squared) a /= 1 + c * c;
  if (options_.rescale == Rescale::linear) a /= 1 + c;
  return a;
}

}  // namespace taskgrad
