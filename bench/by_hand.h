// The same step without a library for derivatives: what an engineer writes who knows the network.
#pragma once

#include "trainer.h"
#include <memory>

namespace bench {

/// One thread. Both GradNorm balances give the closed form.
std::unique_ptr<Trainer> trainer_by_hand(const MlpProblem& problem, Balance balance);

}  // namespace bench
