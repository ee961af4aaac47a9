// Losses of predictions and targets.
#pragma once

#include <taskgrad/autograd/var.h>
#include <taskgrad/core/memory.h>

#include <span>

namespace taskgrad::nn {

/// How squared errors are joined: over all elements, or summed over outputs and averaged over the
/// batch (the first axis).
enum class Reduction { mean, sum };

/// Mean (or sum an example) of (prediction - target)^2. Throws ShapeError when shapes differ: a
/// broadcast here is nearly always a mistake.
Var mse(const Var& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// The same over the elements whose target is not NaN: a NaN marks a missing label. Divided by the
/// number of labels (by the number of examples that have any, for Reduction::sum), so a task's loss
/// keeps its scale however many are missing. An undefined Var when no label is there: the task is
/// absent from the batch.
Var masked_mse(const Var& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// The same for each task.
List<Var> masked_mse(std::span<const Var> predictions, std::span<const Tensor> targets,
                     Reduction reduction = Reduction::mean);
/// mse() for each task.
List<Var> mse(std::span<const Var> predictions, std::span<const Tensor> targets,
              Reduction reduction = Reduction::mean);

}  // namespace taskgrad::nn
