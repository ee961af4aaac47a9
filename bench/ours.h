// The problems, and taskgrad's way to train on them.
#pragma once

#include "trainer.h"
#include <memory>

namespace bench {

/// Examples of the toy problem (toy/problem.h) and a model as it starts.
MlpProblem make_mlp_problem(const MlpSizes& sizes);
/// Images and labels at random: the work does not depend on them.
LenetProblem make_lenet_problem(int batch);

std::unique_ptr<Trainer> our_trainer(const MlpProblem& problem, Balance balance);
std::unique_ptr<Trainer> our_trainer(const LenetProblem& problem, Balance balance);

}  // namespace bench
