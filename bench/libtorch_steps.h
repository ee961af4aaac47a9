// The same steps in libtorch.
#pragma once

#include "trainer.h"
#include <memory>
#include <string>

namespace bench {

/// Balance::closed_form is not written here: second_order is what its users write.
std::unique_ptr<Trainer> libtorch_trainer(const MlpProblem& problem, Balance balance);
std::unique_ptr<Trainer> libtorch_trainer(const LenetProblem& problem, Balance balance);

/// For the whole process, BLAS included. OpenMP hears of it too, taskgrad does not.
void set_libtorch_threads(int threads);
/// Version, and the file of the BLAS that it calls. Say it with every result: the reference BLAS
/// makes the step about ten times slower than OpenBLAS.
std::string libtorch_version();
std::string libtorch_blas();

}  // namespace bench
