// Problems of two tasks in the plane, with known Pareto fronts, as models: their only shared
// parameter is the point, their heads have none.
#pragma once

#include <taskgrad/nn/multi_task.h>

namespace taskgrad::toy {

/// A model whose "trunk.weight" is the point (x, y), in f64, and whose predictions are it.
nn::MultiTask point_model(double x, double y);

/// The problem of CAGrad (Liu et al. 2021), Nash-MTL and FAMO. With
///   f_1 = log max(|(-x - 7)/2 - tanh(-y)|, 5e-6) + 6,   q_1 = ((-x + 7)^2 + (-y - 8)^2/10)/10 - 20
///   f_2 = log max(|(-x + 3)/2 + tanh(-y) + 2|, 5e-6) + 6,  q_2 = ((-x - 7)^2 + (-y - 8)^2/10)/10 -
///   20 c_1 = max(tanh(y/2), 0),  c_2 = max(tanh(-y/2), 0)
/// the losses are L_i = c_1 f_i + c_2 q_i, the first times `first_scale`. The papers print -
/// tanh(-y) in f_2; all of their code has + tanh(-y). Derivatives at the kink of c_i are those of
/// tanh, as torch.clamp has them. The Pareto front is the segment -7 <= x <= 7 at y = -8.3552.
List<Var> plane_losses(const Var& point, double first_scale = 1);

}  // namespace taskgrad::toy
