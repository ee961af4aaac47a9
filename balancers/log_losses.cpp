#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/log_losses.h>
#include <taskgrad/core/fail.h>

namespace taskgrad {
namespace {

Var sum_of_logs(const Step& step, std::string_view method) {
  Var total;
  for (const int task : step.present().tasks) {
    if (!(step.values()[task] > 0)) {
      fail<NumericError>("{}: losses are positive, for their logarithm: that of task {} is {}",
                         method, task, step.values()[task]);
    }
    const Var term = log(step.loss(task));
    total = total.defined() ? total + term : term;
  }
  return total;
}

}  // namespace

Var ScaleInvariant::objective(const Step& step, std::span<const Var>) {
  return sum_of_logs(step, name());
}

Var Gls::objective(const Step& step, std::span<const Var>) {
  return exp(sum_of_logs(step, name()) / double(step.present().count()));
}

}  // namespace taskgrad
