#include <taskgrad/balancers/maxgnr.h>
#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace taskgrad {
namespace {

// Value, gradient and Hessian of sum_i log GNR_i in u = log w. The denominator of GNR_i is w'D_i w,
// D_i being Q with row and column i cleared but for the noise Q_ii - M_ii at (i, i).
struct Expansion {
  double value = 0;
  Vec gradient;
  Matrix hessian;
};

Expansion expand_at(const Matrix& m, const Matrix& q, const Vec& u) {
  const int tasks = u.size();
  const Vec w = exp(u);
  Expansion result{0, Vec(tasks, 2.0), Matrix(tasks, tasks)};
  Matrix terms(tasks, tasks);  // w_j D_jk w_k
  for (int i = 0; i < tasks; ++i) {
    Vec slope(tasks);
    for (int j = 0; j < tasks; ++j) {
      for (int k = 0; k < tasks; ++k) {
        const double d = j == i || k == i ? 0 : q(j, k);
        terms(j, k) = w[j] * w[k] * (j == i && k == i ? q(i, i) - m(i, i) : d);
        slope[j] += terms(j, k);
      }
    }
    const double total = sum(slope);
    slope *= 2 / total;  // of log w'Dw
    result.value += 2 * u[i] + std::log(m(i, i)) - std::log(total);
    for (int j = 0; j < tasks; ++j) {
      result.gradient[j] -= slope[j];
      result.hessian(j, j) -= slope[j];
      for (int k = 0; k < tasks; ++k) {
        result.hessian(j, k) -= 2 * terms(j, k) / total - slope[j] * slope[k];
      }
    }
  }
  return result;
}

double largest_size(const Vec& x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

// Newton's ascent, bent towards the gradient where the function is not concave. The scale of w is
// free, so the Hessian is singular along (1, ..., 1): a term in that direction makes it regular.
Vec ascend(const Matrix& m, const Matrix& q, Vec u) {
  constexpr int kMost = 200;
  const int tasks = u.size();
  Expansion at = expand_at(m, q, u);
  for (int t = 0; t < kMost; ++t) {
    double damping = 0;
    for (;; damping = std::max(2 * damping, 1e-3)) {
      Matrix curvature(tasks, tasks);
      for (int j = 0; j < tasks; ++j) {
        for (int k = 0; k < tasks; ++k) curvature(j, k) = 1 - at.hessian(j, k);
        curvature(j, j) += damping;
      }
      Vec step = solvers::definite_inverse_times(curvature, at.gradient);
      if (step.empty()) continue;
      step *= std::min(1.0, 2 / largest_size(step));
      if (!(largest_size(step) > 1e-13)) return u;
      Expansion next = expand_at(m, q, u + step);
      // Near the end values differ by rounding only, and the gradient tells more.
      const bool near = largest_size(step) < 1e-4;
      const bool flatter = dot(next.gradient, next.gradient) < dot(at.gradient, at.gradient);
      if (next.value > at.value || (near && flatter)) {
        u = u + step;
        at = std::move(next);
        break;
      }
      if (damping > 1e12) return u;
    }
  }
  return u;
}

}  // namespace

double MaxGnr::objective(const Matrix& means, const Matrix& squares, const Vec& w) {
  return expand_at(means, squares, log(w)).value;
}

Vec MaxGnr::maximize(const Matrix& means, const Matrix& squares, const Vec& start) {
  Vec equal_norms(start.size());
  for (int i = 0; i < start.size(); ++i) equal_norms[i] = -0.5 * std::log(squares(i, i));
  Vec best = ascend(means, squares, log(start));
  const Vec other = ascend(means, squares, std::move(equal_norms));
  if (expand_at(means, squares, other).value > expand_at(means, squares, best).value) best = other;
  return best.size() * softmax(best);
}

MaxGnr::MaxGnr(int tasks, MaxGnrOptions options)
    : options_(options),
      weights_(tasks, 1.0),
      squares_(tasks, tasks),
      seen_(tasks, tasks),
      means_(tasks) {
  if (tasks < 1) fail<ConfigError>("MaxGnr: at least one task: {}", tasks);
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail<ConfigError>("MaxGnr: momentum lies in [0, 1): {}", options.momentum);
  }
}

Gradients MaxGnr::backward(Step& step) {
  constexpr double kLeastNoise = 1e-9;  // of Q_ii; what remains after subtraction is rounding below
  check_tasks(step, weights_.size());
  const List<int>& tasks = step.present().tasks;
  const Tensor rows = step.rows();
  if (!kernels::all_finite(rows))
    fail<NumericError>("maxgnr: gradients of the tasks must be finite");
  const double fresh = 1 - options_.momentum;
  for (const int task : tasks) {
    if (seen_(task, task) == 0) {
      const int one[] = {task};
      const auto at = std::find(tasks.begin(), tasks.end(), task) - tasks.begin();
      means_.set(one, rows.slice(0, at, at + 1));
    }
    for (const int other : tasks) {
      double& q = squares_(task, other);
      const double now = step.gramian()(task, other);
      q = seen_(task, other) == 0 ? now : q + fresh * (now - q);
      seen_(task, other) = 1;
    }
  }
  const Tensor means = mix(means_.of(tasks, rows.shape()[1]), rows, fresh);
  means_.set(tasks, means);

  const Matrix m = products(means, means);
  const Matrix q = gather(squares_, tasks);
  bool noisy = tasks.size() > 1;
  for (int i = 0; i < m.rows(); ++i) {
    noisy = noisy && m(i, i) > 0 && q(i, i) - m(i, i) > kLeastNoise * q(i, i);
  }
  if (noisy) {
    const Vec before = gather(weights_, tasks);
    Vec w = maximize(m, q, before);
    w *= sum(before) / sum(w);
    if (all_finite(w)) scatter(weights_, tasks, w);
  }
  return step.combine(weights_, weights_);
}

void MaxGnr::visit_state(StateFields& fields) {
  fields("weights", weights_);
  fields("squares", squares_);
  fields("seen", seen_);
  means_.visit_state(fields, "means");
}

}  // namespace taskgrad
