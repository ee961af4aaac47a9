#include <taskgrad/balancers/look_ahead.h>
#include <taskgrad/core/kernels.h>

namespace taskgrad {

Point current_point(const Step& step) {
  Point point;
  for (const auto& [name, parameter] : step.model().all()) {
    point.push_back(parameter.value().value());
  }
  return point;
}

Point moved(const Point& point, const Gradients& gradients, double rate) {
  Point result;
  for (std::size_t k = 0; k < point.size(); ++k) {
    result.push_back(kernels::sub(point[k], kernels::scale(gradients[k].value, rate)));
  }
  return result;
}

Step step_at(const Step& step, const Point& point, int batch) {
  List<Var> leaves;
  for (const Tensor& value : point) leaves.push_back(leaf(value));
  const nn::Substitution there(step.model().all(), leaves);
  return step.batch(batch);
}

Gradients gradient_of(Step& step, int task) {
  Vec one(step.tasks());
  one[task] = 1;
  return step.combine(one, one);
}

double along(Step& step, int task, const Gradients& direction) {
  return step.is_present(task) ? dot(gradient_of(step, task), direction) : 0.0;
}

double dot(const Gradients& x, const Gradients& y) {
  double total = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    total += kernels::dot(x[k].value.to(DType::f64), y[k].value.to(DType::f64)).item();
  }
  return total;
}

}  // namespace taskgrad
