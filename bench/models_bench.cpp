// Training steps of larger models: LeNet with two heads on 28 x 28 images, and an MLP of four
// layers of 1024 with three; plain, and with GradNorm by second order.
#include "by_hand.h"
#include "contest.h"
#include "ours.h"

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_steps.h"
#endif

namespace {

using namespace bench;

constexpr MlpSizes kMlp{.tasks = 3, .batch = 256, .inputs = 1024, .width = 1024, .outputs = 10};

template <class Problem>
Contest contest(const std::string& name, const Problem& problem, Balance balance) {
  Contest contest{name, {{"ours", [&, balance] { return our_trainer(problem, balance); }}}};
  if constexpr (std::is_same_v<Problem, MlpProblem>) {
    contest.entrants.push_back(
        {"by_hand", [&, balance] { return trainer_by_hand(problem, balance); }});
  }
#if defined(TASKGRAD_BENCH_LIBTORCH)
  contest.entrants.push_back(
      {"libtorch", [&, balance] { return libtorch_trainer(problem, balance); }});
#endif
  return contest;
}

}  // namespace

int main(int argc, char** argv) {
  const LenetProblem lenet = make_lenet_problem(256);
  const MlpProblem mlp = make_mlp_problem(kMlp);
  return run_contests(argc, argv,
                      {contest("lenet/plain", lenet, Balance::plain),
                       contest("lenet/gradnorm", lenet, Balance::second_order),
                       contest("mlp1024/plain", mlp, Balance::plain),
                       contest("mlp1024/gradnorm", mlp, Balance::second_order)});
}
