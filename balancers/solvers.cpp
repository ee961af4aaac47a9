#include <taskgrad/balancers/solvers.h>
#include <taskgrad/core/error.h>

#include <Eigen/Cholesky>
#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace taskgrad::solvers {
namespace {

using Vector = Eigen::VectorXd;
using Dense = Eigen::MatrixXd;

constexpr double kRounding = std::numeric_limits<double>::epsilon();

Dense to_eigen(const Matrix& m) {
  Dense result(m.rows(), m.columns());
  for (int i = 0; i < m.rows(); ++i) {
    for (int j = 0; j < m.columns(); ++j) result(i, j) = m(i, j);
  }
  return result;
}

Vector to_eigen(const Vec& x) {
  Vector result(x.size());
  for (int i = 0; i < x.size(); ++i) result(i) = x[i];
  return result;
}

Vec to_vec(const Vector& x) {
  return Vec(std::span<const double>(x.data(), std::size_t(x.size())));
}

// argmin x'Qx/2 - c'x over x >= 0 for a Q of unit diagonal (or zero rows, where c must be 0 or
// less). A variable enters while its gradient says so and leaves when a step would take it below 0.
class ActiveSet {
 public:
  ActiveSet(const Dense& q, const Vector& c) : q_(q), c_(c), x_(Vector::Zero(c.size())) {}

  Vector solve() {
    const Eigen::Index size = c_.size();
    std::vector<bool> barred(static_cast<std::size_t>(size), false);
    for (;;) {
      const Vector descent = c_ - q_ * x_;
      const Vector noise = kNoise * (c_.cwiseAbs() + q_.cwiseAbs() * x_);
      Eigen::Index enters = -1;
      for (Eigen::Index i = 0; i < size; ++i) {
        if (is_free(i) || barred[static_cast<std::size_t>(i)] || descent(i) <= noise(i)) continue;
        if (enters < 0 || descent(i) > descent(enters)) enters = i;
      }
      if (enters < 0) return x_;
      const double before = objective();
      const Vector x = x_;
      const std::vector<Eigen::Index> free = free_;
      free_.push_back(enters);
      descend();
      if (objective() < before) {
        std::fill(barred.begin(), barred.end(), false);
      } else {  // dependent on the free ones up to rounding: it cannot help
        x_ = x;
        free_ = free;
        barred[static_cast<std::size_t>(enters)] = true;
      }
    }
  }

 private:
  static constexpr double kNoise = 8 * kRounding;

  bool is_free(Eigen::Index i) const {
    return std::find(free_.begin(), free_.end(), i) != free_.end();
  }
  double objective() const { return x_.dot(0.5 * (q_ * x_) - c_); }

  // Moves to the minimum over the free variables, giving up those that reach 0 on the way.
  void descend() {
    while (!free_.empty()) {
      const Vector target = minimum();
      double reach = 1;
      for (std::size_t k = 0; k < free_.size(); ++k) {
        const double from = x_(free_[k]);
        const double to = target(static_cast<Eigen::Index>(k));
        if (to <= 0) reach = std::min(reach, from / std::max(from - to, 1e-300));
      }
      std::vector<Eigen::Index> kept;
      for (std::size_t k = 0; k < free_.size(); ++k) {
        double& x = x_(free_[k]);
        const double to = target(static_cast<Eigen::Index>(k));
        x += reach * (to - x);
        if (to <= 0 && x <= kRounding * std::abs(to)) x = 0;
        if (reach == 1 || x > 0) kept.push_back(free_[k]);
      }
      if (kept.size() == free_.size()) return;
      free_ = kept;
    }
  }

  Vector minimum() const {
    const auto count = static_cast<Eigen::Index>(free_.size());
    Dense q(count, count);
    Vector c(count);
    for (Eigen::Index i = 0; i < count; ++i) {
      c(i) = c_(free_[static_cast<std::size_t>(i)]);
      for (Eigen::Index j = 0; j < count; ++j) {
        q(i, j) = q_(free_[static_cast<std::size_t>(i)], free_[static_cast<std::size_t>(j)]);
      }
    }
    return q.ldlt().solve(c);
  }

  const Dense& q_;
  const Vector& c_;
  Vector x_;
  std::vector<Eigen::Index> free_;
};

Vector solve_scaled(const Dense& q, const Vector& c) {
  const Vector diagonal = q.diagonal();
  const Vector scale = diagonal.unaryExpr([](double d) { return d > 0 ? 1 / std::sqrt(d) : 0.0; });
  const Dense scaled = scale.asDiagonal() * q * scale.asDiagonal();
  const Vector target = scale.cwiseProduct(c);
  return scale.cwiseProduct(ActiveSet(scaled, target).solve());
}

double two_task_weight(double m11, double m12, double m22) {
  const double distance = m11 + m22 - 2 * m12;  // |g1 - g2|^2
  if (!(distance > 0)) return 0.5;
  return std::clamp((m22 - m12) / distance, 0.0, 1.0);
}

double quadratic(const Matrix& m, const Vec& a) { return dot(a, m * a); }

// Rows scaled to unit length; rows of zeros stay.
Matrix correlations(const Matrix& gramian) {
  Matrix c = gramian;
  for (int i = 0; i < c.rows(); ++i) {
    for (int j = 0; j < c.rows(); ++j) {
      const double scale = std::sqrt(gramian(i, i)) * std::sqrt(gramian(j, j));
      c(i, j) = i == j ? (scale > 0 ? 1.0 : 0.0) : (scale > 0 ? gramian(i, j) / scale : 0.0);
    }
  }
  return c;
}

// The convex objective of power_equilibrium() in scaled variables: y'Ay/2 - sum b p(y) with p' the
// power, so that its minimum has A y = b y^(-gamma).
struct Equilibrium {
  Dense a;
  Vector b;
  double gamma;

  double value(const Vector& y) const {
    double total = 0.5 * y.dot(a * y);
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      total -= b(i) * (gamma == 1 ? std::log(y(i)) : std::pow(y(i), 1 - gamma) / (1 - gamma));
    }
    return total;
  }
  Vector gradient(const Vector& y) const {
    return a * y - b.cwiseProduct(y.array().pow(-gamma).matrix());
  }
  // The largest relative error of the equations A y = b y^(-gamma).
  double error(const Vector& y) const {
    return gradient(y)
        .cwiseQuotient(b.cwiseProduct(y.array().pow(-gamma).matrix()))
        .cwiseAbs()
        .maxCoeff();
  }
  Vector newton(const Vector& y, const Vector& g) const {
    Dense hessian = a;
    hessian.diagonal() += gamma * b.cwiseProduct(y.array().pow(-gamma - 1).matrix());
    const Vector scale = hessian.diagonal().cwiseSqrt().cwiseInverse();
    const Dense scaled = scale.asDiagonal() * hessian * scale.asDiagonal();
    return -scale.cwiseProduct(scaled.ldlt().solve(scale.cwiseProduct(g)));
  }

  Vector solve() const {
    constexpr int kMost = 500;  // never met: damped Newton needs about 10, 60 near stationarity
    constexpr double kArmijo = 1e-4;
    constexpr double kExact = 1e-14;
    Vector y = Vector::Ones(b.size());
    for (int iteration = 0; iteration < kMost; ++iteration) {
      const Vector g = gradient(y);
      const Vector step = newton(y, g);
      const double slope = g.dot(step);
      double length = 1;
      for (Eigen::Index i = 0; i < y.size(); ++i) {
        if (step(i) < 0) length = std::min(length, 0.9 * y(i) / -step(i));
      }
      const double now = value(y);
      const double off = error(y);
      if (off < kExact) return y;
      // Near the end values of the objective differ by rounding only.
      const bool rounds = off < 1e-2 || -slope < 1e-12 * std::abs(now);
      const auto descends = [&] {
        return rounds ? error(y + length * step) < (1 - kArmijo * length) * off
                      : value(y + length * step) <= now + kArmijo * length * slope;
      };
      const double shortest = rounds ? 1e-3 : 1e-12;
      while (length > shortest && !descends()) length /= 2;
      if (length <= shortest) return y;
      y += length * step;
    }
    return y;
  }
};

}  // namespace

Vec project_simplex(const Vec& x, double total) {
  Vec sorted = x;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double running = 0;
  double shift = 0;
  for (int i = 0; i < sorted.size(); ++i) {
    running += sorted[i];
    const double candidate = (running - total) / (i + 1);
    if (sorted[i] > candidate) shift = candidate;
  }
  Vec result = x;
  for (double& value : result) value = std::max(value - shift, 0.0);
  return result;
}

Vec nonnegative_qp(const Matrix& q, const Vec& c) {
  return to_vec(solve_scaled(to_eigen(q), to_eigen(c)));
}

Vec min_norm(const Matrix& gramian) {
  const int tasks = gramian.rows();
  int zeros = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < tasks; ++i) {
    zeros += gramian(i, i) == 0 ? 1 : 0;
    least = std::min(least, gramian(i, i));
  }
  Vec weights(tasks);
  if (zeros > 0) {
    for (int i = 0; i < tasks; ++i) weights[i] = gramian(i, i) == 0 ? 1.0 / zeros : 0.0;
    return weights;
  }
  if (tasks == 2) {
    weights[0] = two_task_weight(gramian(0, 0), gramian(0, 1), gramian(1, 1));
    return {weights[0], 1 - weights[0]};
  }
  // x >= 0 that minimises x'Mx + t (sum x - 1)^2 has (Mx)_i >= t (1 - sum x), with equality where
  // x_i > 0: divided by its sum it meets the conditions of the shortest vector, for any t > 0.
  Dense q = to_eigen(gramian);
  q.array() += least;
  Vector x = solve_scaled(q, Vector::Constant(tasks, least));
  return to_vec(x / x.sum());
}

Vec project_dual_cone(const Matrix& gramian, const Vec& u) {
  const Vec c = -1.0 * (gramian * u);
  return u + nonnegative_qp(gramian, c);
}

Vec conflict_averse(const Matrix& gramian, double radius) {
  const int tasks = gramian.rows();
  const Vec with_mean = gramian * Vec(tasks, 1.0 / tasks);
  const double mean_square = mean(with_mean);
  Vec weights;
  // |g_a| - radius t at the shortest vector of the rows shifted by t g_0; falls with t.
  const auto gap = [&](double t) {
    Matrix shifted = gramian;
    for (int i = 0; i < tasks; ++i) {
      for (int j = 0; j < tasks; ++j) {
        shifted(i, j) += t * (with_mean[i] + with_mean[j]) + t * t * mean_square;
      }
    }
    weights = min_norm(shifted);
    return std::sqrt(std::max(quadratic(gramian, weights), 0.0)) - radius * t;
  };
  double longest = 0;
  for (int i = 0; i < tasks; ++i) longest = std::max(longest, std::sqrt(gramian(i, i)));
  double high = 2 * longest / radius;
  double at_high = gap(high);
  // |g_a| is at least that of the shortest vector of the hull; where that is 0, what lies below
  // 1e-6 of the longest row is rounding, since a Gramian has products of rows to 1e-16.
  const double shortest = std::sqrt(std::max(quadratic(gramian, min_norm(gramian)), 0.0));
  double low = pareto_stationary(gramian) ? 1e-6 * high : 0.5 * shortest / radius;
  double at_low = gap(low);
  if (!(at_low > 0)) return min_norm(gramian);  // g_a = 0
  constexpr int kMost = 200;
  for (int i = 0, side = 0; i < kMost && high - low > 4 * kRounding * high; ++i) {
    double t = (low * at_high - high * at_low) / (at_high - at_low);  // false position, Illinois
    if (!(t > low && t < high) || i % 8 == 7) t = (low + high) / 2;
    const double at_t = gap(t);
    if (at_t == 0) break;
    if (at_t > 0) {
      low = t;
      at_low = at_t;
      if (side == 1) at_high /= 2;
      side = 1;
    } else {
      high = t;
      at_high = at_t;
      if (side == -1) at_low /= 2;
      side = -1;
    }
  }
  return weights;
}

bool pareto_stationary(const Matrix& gramian) {
  constexpr double kLength = 1e-7;
  const Matrix c = correlations(gramian);
  return quadratic(c, min_norm(c)) <= kLength * kLength;
}

Vec power_equilibrium(const Matrix& gramian, double gamma) {
  List<int> rows;
  for (int i = 0; i < gramian.rows(); ++i) {
    if (gramian(i, i) > 0) rows.push_back(i);
  }
  Vec weights(gramian.rows());
  const Matrix m = gather(gramian, rows);
  if (rows.empty() || pareto_stationary(m)) return weights;
  const auto size = static_cast<Eigen::Index>(rows.size());
  Vector scale(size);  // diagonal and right side become equal: y = 1 solves orthogonal rows
  for (Eigen::Index i = 0; i < size; ++i) {
    scale(i) = std::pow(m(int(i), int(i)), -1 / (1 + gamma));
  }
  const Equilibrium problem{scale.asDiagonal() * to_eigen(m) * scale.asDiagonal(),
                            scale.array().pow(1 - gamma), gamma};
  scatter(weights, rows, to_vec(scale.cwiseProduct(problem.solve())));
  return weights;
}

Spectrum spectrum(const Matrix& a) {
  const Eigen::SelfAdjointEigenSolver<Dense> eigen(to_eigen(a));
  Spectrum found{to_vec(eigen.eigenvalues()), Matrix(a.rows(), a.rows())};
  for (int i = 0; i < a.rows(); ++i) {
    for (int j = 0; j < a.rows(); ++j) found.vectors(i, j) = eigen.eigenvectors()(i, j);
  }
  return found;
}

Vec definite_inverse_times(const Matrix& a, const Vec& x) {
  const Eigen::LLT<Dense> factor(to_eigen(a));
  return factor.info() == Eigen::Success ? to_vec(factor.solve(to_eigen(x))) : Vec();
}

Vec pseudo_inverse_times(const Matrix& a, const Vec& x) {
  constexpr double kTolerance = 1e-12;
  const auto& [values, vectors] = spectrum(a);
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  Vec result(a.rows());
  for (int k = 0; k < values.size(); ++k) {
    if (std::abs(values[k]) <= kTolerance * largest) continue;
    double part = 0;  // of x along the eigenvector
    for (int i = 0; i < a.rows(); ++i) part += vectors(i, k) * x[i];
    for (int i = 0; i < a.rows(); ++i) result[i] += vectors(i, k) * part / values[k];
  }
  return result;
}

}  // namespace taskgrad::solvers
