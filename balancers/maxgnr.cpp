#include <taskgrad/balancers/maxgnr.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace taskgrad {
namespace {

using Vector = Eigen::VectorXd;
using Dense = Eigen::MatrixXd;

// Value, gradient and Hessian of sum_i log GNR_i in u = log w. The denominator of GNR_i is w'D_i w,
// D_i being Q with row and column i cleared but for the noise Q_ii - M_ii at (i, i).
struct Expansion {
  double value = 0;
  Vector gradient;
  Dense hessian;
};

Expansion expand_at(const Dense& m, const Dense& q, const Vector& u) {
  const Eigen::Index tasks = u.size();
  const Vector w = u.array().exp();
  Expansion result{0, Vector::Constant(tasks, 2.0), Dense::Zero(tasks, tasks)};
  for (Eigen::Index i = 0; i < tasks; ++i) {
    Dense d = q;
    d.row(i).setZero();
    d.col(i).setZero();
    d(i, i) = q(i, i) - m(i, i);
    const Dense terms = w.asDiagonal() * d * w.asDiagonal();
    const double total = terms.sum();
    const Vector slope = 2 * terms.rowwise().sum() / total;  // of log w'Dw
    result.value += 2 * u(i) + std::log(m(i, i)) - std::log(total);
    result.gradient -= slope;
    result.hessian -= 2 * terms / total - slope * slope.transpose();
    result.hessian.diagonal() -= slope;
  }
  return result;
}

// Newton's ascent, bent towards the gradient where the function is not concave. The scale of w is
// free, so the Hessian is singular along (1, ..., 1): a term in that direction makes it regular.
Vector ascend(const Dense& m, const Dense& q, Vector u) {
  constexpr int kMost = 200;
  const Eigen::Index tasks = u.size();
  Expansion at = expand_at(m, q, u);
  for (int t = 0; t < kMost; ++t) {
    double damping = 0;
    for (;; damping = std::max(2 * damping, 1e-3)) {
      Dense curvature = -at.hessian + Dense::Ones(tasks, tasks);
      curvature.diagonal().array() += damping;
      const Eigen::LLT<Dense> factor(curvature);
      if (factor.info() != Eigen::Success) continue;
      Vector step = factor.solve(at.gradient);
      step *= std::min(1.0, 2 / step.cwiseAbs().maxCoeff());
      if (!(step.cwiseAbs().maxCoeff() > 1e-13)) return u;
      Expansion next = expand_at(m, q, u + step);
      // Near the end values differ by rounding only, and the gradient tells more.
      const bool near = step.cwiseAbs().maxCoeff() < 1e-4;
      if (next.value > at.value || (near && next.gradient.norm() < at.gradient.norm())) {
        u += step;
        at = std::move(next);
        break;
      }
      if (damping > 1e12) return u;
    }
  }
  return u;
}

Dense to_eigen(const Matrix& a) {
  return Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(a.data(), a.rows(),
                                                                          a.columns());
}

}  // namespace

double MaxGnr::objective(const Matrix& means, const Matrix& squares, const Vec& w) {
  const Vec u = log(w);
  return expand_at(to_eigen(means), to_eigen(squares),
                   Eigen::Map<const Vector>(&*u.begin(), u.size()))
      .value;
}

Vec MaxGnr::maximize(const Matrix& means, const Matrix& squares, const Vec& start) {
  const Dense m = to_eigen(means);
  const Dense q = to_eigen(squares);
  const Vec from = log(start);
  const Vector equal_norms = -0.5 * q.diagonal().array().log().matrix();
  Vector best = ascend(m, q, Eigen::Map<const Vector>(&*from.begin(), from.size()));
  const Vector other = ascend(m, q, equal_norms);
  if (expand_at(m, q, other).value > expand_at(m, q, best).value) best = other;
  const Vector shifted = (best.array() - best.maxCoeff()).exp();
  Vec w(std::span<const double>(shifted.data(), std::size_t(shifted.size())));
  return w *= w.size() / sum(w);
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
