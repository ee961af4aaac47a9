#include <taskgrad/balancers/uw_so.h>
#include <taskgrad/core/fail.h>

#include <cmath>

namespace taskgrad {

UwSo::UwSo(UwSoOptions options) : options_(options) {
  if (!(options.temperature > 0) || !std::isfinite(options.temperature)) {
    fail<ConfigError>("UwSo: temperature is finite and positive: {}", options.temperature);
  }
}

Vec UwSo::step_weights(const Step& step) {
  const Present& present = step.present();
  Vec inverse(present.count());
  for (int i = 0; i < inverse.size(); ++i) {
    if (!(present.losses[i] > 0)) {
      fail<NumericError>("UwSo: losses are positive: that of task {} is {}",
                         present.tasks[static_cast<std::size_t>(i)], present.losses[i]);
    }
    inverse[i] = 1 / (present.losses[i] * options_.temperature);
  }
  Vec w(step.tasks());
  scatter(w, present.tasks, softmax(inverse));
  return w;
}

}  // namespace taskgrad
