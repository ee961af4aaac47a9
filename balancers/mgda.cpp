#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

Vec Mgda::gramian_weights(const Matrix& gramian, const Present& present) {
  using enum MgdaNormalization;
  const MgdaNormalization kind = options_.normalization;
  Vec scale(present.count(), 1.0);
  for (int i = 0; i < scale.size(); ++i) {
    if (kind == l2 || kind == loss_l2) scale[i] *= std::sqrt(gramian(i, i));
    if (kind == loss || kind == loss_l2) {
      if (!(present.losses[i] > 0)) {
        fail<NumericError>("Mgda: losses that normalise are positive: that of task {} is {}",
                           present.tasks[std::size_t(i)], present.losses[i]);
      }
      scale[i] *= present.losses[i];
    }
    if (scale[i] == 0) scale[i] = 1;  // a zero gradient stays zero
  }
  Matrix normalized = gramian;
  for (int i = 0; i < scale.size(); ++i) {
    for (int j = 0; j < scale.size(); ++j) normalized(i, j) /= scale[i] * scale[j];
  }
  return solvers::min_norm(normalized);
}

}  // namespace taskgrad
