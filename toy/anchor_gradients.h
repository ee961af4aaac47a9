// The gradients of the tasks at GradNorm's W, and how they lie to each other.
#pragma once

#include <taskgrad/balancers/step.h>

#include <vector>

namespace taskgrad::toy {

/// grad_W L_i for each task, W the anchor of the model: a backward pass each, from a head to W.
List<List<Tensor>> anchor_gradients(const Step& step);

/// || w_i g_i ||; w_i = 1 for a method without weights.
std::vector<double> weighted_norms(const List<List<Tensor>>& gradients, const Vec& weights);

/// cos(g_i, g_j), tasks x tasks, row by row; NaN where a gradient is zero. Products are in f64.
std::vector<double> cosines(const List<List<Tensor>>& gradients);

}  // namespace taskgrad::toy
