// The small convex problems behind the balancers, on Gramians M = J J' of K task gradients.
//
// All in f64, deterministic and without iteration limits that decide a result: active sets and
// Newton's method end by themselves. Rows are scaled to unit length inside, so that norms from
// 1e-12 to 1e12 may stand side by side; a row of zeros is allowed everywhere. Cost: O(K^3) a pass
// over the constraints, K of them as a rule.
#pragma once

#include <taskgrad/balancers/vec.h>

namespace taskgrad::solvers {

/// The nearest point to x with a_i >= 0, sum a = total (Held, Wolfe and Crowder 1974), by sorting.
Vec project_simplex(const Vec& x, double total = 1);

/// argmin over x >= 0 of x'Qx/2 - c'x for a positive semidefinite Q, by the active set method of
/// Lawson and Hanson (1974, chapter 23). The minimum must exist; where it is not unique, one of the
/// minimisers.
Vec nonnegative_qp(const Matrix& q, const Vec& c);

/// argmin over the simplex of a'Ma: the weights of the shortest vector in the convex hull of the
/// rows. For two tasks a_1 = clip((m22 - m12) / (m11 + m22 - 2 m12), 0, 1). Zero rows share the
/// weight.
Vec min_norm(const Matrix& gramian);

/// argmin over v >= u of v'Mv: J'v is the projection of J'u on the dual cone of the rows, the
/// directions d with J d >= 0 (Lopez-Paz and Ranzato 2017).
Vec project_dual_cone(const Matrix& gramian, const Vec& u);

/// argmin over the simplex of g_a . g_0 + radius |g_a| with g_a = J'a and g_0 the mean row: the
/// inner problem of CAGrad, radius > 0. For t = |g_a| / radius at the solution, a is also the
/// shortest vector in the hull of the rows g_i + t g_0; t is found by bracketing. The minimum may
/// lie at g_a = 0.
Vec conflict_averse(const Matrix& gramian, double radius);

/// The w > 0 with M w = w^(-gamma), gamma > 0, by damped Newton on the convex
/// w'Mw/2 - sum_i w_i^(1-gamma) / (1-gamma) (- sum_i log w_i for gamma = 1). A row of zeros gets
/// w_i = 0 and is left out. All zeros if there is no such w: some convex combination of the rows is
/// zero (the point is Pareto stationary).
Vec power_equilibrium(const Matrix& gramian, double gamma);

/// Whether some convex combination of the rows, each scaled to unit length, is zero up to what a
/// Gramian in f64 can tell (length 1e-7); true if a row is zero.
bool pareto_stationary(const Matrix& gramian);

/// Eigenvalues of a symmetric matrix, the least first, and its eigenvectors, a column each.
struct Spectrum {
  Vec values;
  Matrix vectors;
};
Spectrum spectrum(const Matrix& a);

/// A^-1 x for a positive definite A, by Cholesky; empty if A is not.
Vec definite_inverse_times(const Matrix& a, const Vec& x);

/// A^+ x, A^+ the pseudo-inverse of a symmetric matrix, eigenvalues below 1e-12 of the
/// largest counted as zero.
Vec pseudo_inverse_times(const Matrix& a, const Vec& x);

}  // namespace taskgrad::solvers
