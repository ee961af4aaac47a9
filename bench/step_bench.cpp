// Training steps on the toy problem of the GradNorm paper: plain, and with GradNorm, as the number
// of tasks and the batch grow.
#include <fmt/format.h>

#include "by_hand.h"
#include "contest.h"
#include "ours.h"

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_steps.h"
#endif

namespace {

using namespace bench;

// Made when first asked for: a run rarely wants all sizes.
class LazyProblem {
 public:
  explicit LazyProblem(const MlpSizes& sizes) : sizes_(sizes) {}
  const MlpProblem& operator*() {
    if (!problem_) problem_ = std::make_unique<MlpProblem>(make_mlp_problem(sizes_));
    return *problem_;
  }

 private:
  MlpSizes sizes_;
  std::unique_ptr<MlpProblem> problem_;
};

void add_contests(std::vector<Contest>& contests, const MlpSizes& sizes) {
  const auto problem = std::make_shared<LazyProblem>(sizes);
  const auto entrant = [&](const char* name, auto make, Balance balance) {
    return Entrant{name, [=] { return make(**problem, balance); }};
  };
  const auto ours = [](const MlpProblem& p, Balance b) { return our_trainer(p, b); };
  Contest plain{
      fmt::format("plain/T:{}/batch:{}", sizes.tasks, sizes.batch),
      {entrant("ours", ours, Balance::plain), entrant("by_hand", trainer_by_hand, Balance::plain)}};
  Contest gradnorm{fmt::format("gradnorm/T:{}/batch:{}", sizes.tasks, sizes.batch),
                   {entrant("second_order", ours, Balance::second_order),
                    entrant("closed_form", ours, Balance::closed_form),
                    entrant("by_hand", trainer_by_hand, Balance::closed_form)}};
#if defined(TASKGRAD_BENCH_LIBTORCH)
  const auto libtorch = [](const MlpProblem& p, Balance b) { return libtorch_trainer(p, b); };
  plain.entrants.push_back(entrant("libtorch", libtorch, Balance::plain));
  gradnorm.entrants.push_back(entrant("libtorch", libtorch, Balance::second_order));
#endif
  contests.push_back(std::move(plain));
  contests.push_back(std::move(gradnorm));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Contest> contests;
  for (const int tasks : {2, 5, 10, 20, 50, 100}) {
    for (const int batch : {32, 100, 256, 1024}) {
      add_contests(contests, {.tasks = tasks, .batch = batch});
    }
  }
  return run_contests(argc, argv, contests);
}
