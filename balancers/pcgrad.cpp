#include <taskgrad/balancers/pcgrad.h>
#include <taskgrad/core/rng.h>

namespace taskgrad {

Vec PcGrad::gramian_weights(const Matrix& gramian, const Present& present) {
  const int tasks = present.count();
  const Rng orders = Rng(options_.seed).stream(static_cast<std::uint64_t>(steps_++));
  Vec total(tasks);
  for (int i = 0; i < tasks; ++i) {
    Vec a(tasks);  // g_i' = J'a
    a[i] = 1;
    for (const std::int64_t other : orders.stream(std::uint64_t(i)).permutation(tasks)) {
      const int j = static_cast<int>(other);
      const double product = (gramian * a)[j];
      if (j != i && product < 0) a[j] -= product / gramian(j, j);
    }
    total = total + a;
  }
  if (options_.reduction == nn::Reduction::mean) total /= tasks;
  return total;
}

}  // namespace taskgrad
