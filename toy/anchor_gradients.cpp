#include <taskgrad/autograd/grad.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/toy/anchor_gradients.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taskgrad::toy {
namespace {

List<Tensor> in_f64(const List<Tensor>& tensors) {
  List<Tensor> wide;
  for (const Tensor& tensor : tensors) wide.push_back(tensor.to(DType::f64));
  return wide;
}

double product(const List<Tensor>& x, const List<Tensor>& y) {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += kernels::dot(x[k], y[k]).item();
  return sum;
}

}  // namespace

List<List<Tensor>> anchor_gradients(const Step& step) {
  List<List<Tensor>> gradients;
  for (int task = 0; task < step.tasks(); ++task) {
    List<Tensor>& parts = gradients.emplace_back();
    for (const Var& part : grad(step.loss(task), step.anchor())) parts.push_back(part.value());
  }
  return gradients;
}

std::vector<double> weighted_norms(const List<List<Tensor>>& gradients, const Vec& weights) {
  std::vector<double> norms;
  for (std::size_t task = 0; task < gradients.size(); ++task) {
    double norm = 0;
    for (const Tensor& part : gradients[task]) norm = std::hypot(norm, kernels::norm(part).item());
    norms.push_back(weights.empty() ? norm : std::abs(weights[static_cast<int>(task)]) * norm);
  }
  return norms;
}

std::vector<double> cosines(const List<List<Tensor>>& gradients) {
  const std::size_t tasks = gradients.size();
  List<List<Tensor>> wide;
  std::vector<double> norms;
  for (const List<Tensor>& gradient : gradients) {
    wide.push_back(in_f64(gradient));
    norms.push_back(std::sqrt(product(wide.back(), wide.back())));
  }
  std::vector<double> cosines(tasks * tasks, 1.0);
  for (std::size_t i = 0; i < tasks; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const bool known = norms[i] > 0 && norms[j] > 0;
      double cosine = std::numeric_limits<double>::quiet_NaN();
      if (known) {
        cosine =
            i == j ? 1 : std::clamp(product(wide[i], wide[j]) / norms[i] / norms[j], -1.0, 1.0);
      }
      cosines[i * tasks + j] = cosines[j * tasks + i] = cosine;
    }
  }
  return cosines;
}

}  // namespace taskgrad::toy
