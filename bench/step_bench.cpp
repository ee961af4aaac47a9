// Steps a second of GradNorm on the paper's toy (f32, one thread): by second order, by the closed
// form, and in libtorch with create_graph=true. All take turns within one run, so that a busy
// machine slows all of them alike; ratios are of medians.
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/optim.h>
#include <taskgrad/toy/experiment.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_step.h"
#endif

namespace {

using namespace taskgrad;

constexpr int kRounds = 15;
constexpr double kSecondsATurn = 0.25;

class OurStep {
 public:
  OurStep(const toy::Batch& batch, GradNormPath path)
      : batch_(batch),
        model_(toy::make_model(static_cast<int>(batch.targets.size()))),
        balancer_(model_.tasks(), {.alpha = 0.12, .path = path}),
        optimizer_(initialised(model_).all(), {.lr = 1e-3}) {}

  void operator()() {
    Step step(nn::mse(model_(constant(batch_.x)), batch_.targets), model_);
    optimizer_.step(balancer_.backward(step));
  }

 private:
  static const nn::MultiTask& initialised(nn::MultiTask& model) {
    model.init(Rng(1).stream("init"));
    return model;
  }

  const toy::Batch& batch_;
  nn::MultiTask model_;
  GradNorm balancer_;
  nn::Adam optimizer_;
};

double steps_a_second(const std::function<void()>& step) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double seconds = 0;
  int steps = 0;
  for (; seconds < kSecondsATurn; ++steps) {
    step();
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return steps / seconds;
}

struct Entrant {
  std::string name;
  std::function<void()> step;
  std::vector<double> rates = {};
  double median() {
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
  }
};

void compare(int tasks, int batch_size) {
  const toy::ScaledRegression problem({.sigmas = toy::default_sigmas(tasks)},
                                      Rng(1).stream("data"));
  const toy::Batch batch = problem.batch(0, batch_size);
  OurStep second_order(batch, GradNormPath::second_order);
  OurStep closed_form(batch, GradNormPath::closed_form);
  std::vector<Entrant> entrants = {{"second order", [&] { second_order(); }},
                                   {"closed form", [&] { closed_form(); }}};
#if defined(TASKGRAD_BENCH_LIBTORCH)
  bench::LibtorchGradNorm libtorch(tasks, batch_size, 1);
  std::vector<float> targets;
  for (const Tensor& target : batch.targets) {
    targets.insert(targets.end(), target.data<float>(), target.data<float>() + target.size());
  }
  libtorch.set_batch(batch.x.data<float>(), targets.data());
  entrants.push_back({"libtorch", [&] { libtorch.step(); }});
#endif
  set_threads(1);  // after libtorch, which sets OpenMP's number of threads for the whole process
  for (Entrant& entrant : entrants) steps_a_second(entrant.step);  // warm up
  for (int round = 0; round < kRounds; ++round) {
    for (Entrant& entrant : entrants) entrant.rates.push_back(steps_a_second(entrant.step));
  }
  fmt::print("T = {}, batch {}:", tasks, batch_size);
  for (Entrant& entrant : entrants)
    fmt::print("  {} {:.0f} steps/s", entrant.name, entrant.median());
  if (entrants.size() == 3) {
    fmt::print("  | against libtorch: second order {:.2f}x, closed form {:.2f}x",
               entrants[0].median() / entrants[2].median(),
               entrants[1].median() / entrants[2].median());
  }
  fmt::print("\n");
}

}  // namespace

int main() {
#if defined(TASKGRAD_BENCH_LIBTORCH)
  fmt::print("libtorch's BLAS: {}\n", bench::libtorch_blas());
#endif
  for (const int tasks : {2, 10}) {
    for (const int batch : {32, 100, 256}) compare(tasks, batch);
  }
}
