// What methods that look ahead share: losses after a step that was not taken, and inner products of
// gradients over all parameters.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

/// Values of all parameters of a model, in its order.
using Point = List<Tensor>;

/// The values that the step's model has now.
Point current_point(const Step& step);
/// point - rate gradients.
Point moved(const Point& point, const Gradients& gradients, double rate);
/// The step of batch k at other values of the parameters, which are as before afterwards.
Step step_at(const Step& step, const Point& point, int batch);

/// The gradient of one task in all parameters that it reaches, dot `direction`, which has all; 0
/// for an absent task.
double along(Step& step, int task, const Gradients& direction);
/// The gradient of one task in all parameters, zero in the heads of others. Computed from
/// jacobian(): no pass of its own.
Gradients gradient_of(Step& step, int task);
double dot(const Gradients& x, const Gradients& y);

}  // namespace taskgrad
