#include <taskgrad/balancers/rlw.h>
#include <taskgrad/core/rng.h>

namespace taskgrad {

Vec Rlw::step_weights(const Step& step) {
  const Rng rng = Rng(options_.seed).stream(static_cast<std::uint64_t>(steps_++));
  const Vec z = to_vec(rng.normal({step.tasks()}, 0, 1, DType::f64));
  Vec w(step.tasks());
  scatter(w, step.present().tasks, softmax(gather(z, step.present().tasks)));
  return w;
}

}  // namespace taskgrad
