#include <taskgrad/toy/findings.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

using Change = std::function<void(Evaluation&, double t)>;  // t from 0 to 1

/// A run of two tasks that nothing can be said against, changed.
RunResult made_up(const std::string& method, const Change& change, std::uint64_t seed = 1) {
  constexpr int kEvaluations = 21;
  RunResult run{.balancer = method, .tasks = 2, .sigmas = {1, 100}, .seed = seed, .steps = 200};
  for (int i = 0; i < kEvaluations; ++i) {
    const double t = i / (kEvaluations - 1.0);
    const double loss = std::exp(-3 * t);
    Evaluation e{.step = 10 * i,
                 .train_losses = {loss, 100 * loss},
                 .weights = {1.2, 0.8},
                 .grad_norms = {1.0, 1.5},
                 .cosines = {1, 0.2, 0.2, 1},
                 .test_losses = {loss, 100 * loss},
                 .metric = 2 * loss};
    change(e, t);
    run.history.push_back(e);
  }
  run.metric = run.history.back().metric;
  return run;
}

std::vector<Finding> find(const std::string& method, const Change& change) {
  const RunResult run = made_up(method, change);
  return findings({&run, 1});
}

/// That there is one finding, of that kind, with these words in its claim.
void check_one(const std::vector<Finding>& found, Symptom symptom, const std::string& words) {
  REQUIRE(found.size() == 1);
  CHECK(found[0].symptom == symptom);
  CAPTURE(found[0].claim);
  CHECK(found[0].claim.find(words) != std::string::npos);
  CHECK(found[0].advice.starts_with("Try"));
  CHECK_FALSE(found[0].number.empty());
}

TEST_CASE(
    "findings: nothing is said of a run that is in order, of none, and of one without numbers") {
  CHECK(find("equal", [](Evaluation&, double) {}).empty());
  CHECK(findings({}).empty());
  const RunResult never;
  CHECK(findings({&never, 1}).empty());
  const RunResult bare{
      .balancer = "equal", .tasks = 2, .sigmas = {1, 2}, .history = {{.step = 0}, {.step = 9}}};
  CHECK(findings({&bare, 1}).empty());
  CHECK(findings_summary({}).empty());
}

TEST_CASE("findings: a task dominates, from a norm ratio of ten on") {
  const auto with = [](double norm) {
    return find("equal", [=](Evaluation& e, double) { e.grad_norms = {1, norm}; });
  };
  check_one(with(250), Symptom::task_dominates, "250 times the shortest");
  check_one(with(250), Symptom::task_dominates, "sigma 100 has the longest, sigma 1 the shortest");
  check_one(with(10), Symptom::task_dominates, "10 times");
  CHECK(with(9.9).empty());
  // The median over the run: what passes is not said.
  CHECK(find("equal", [](Evaluation& e, double t) {
          if (t < 0.4) e.grad_norms = {1, 1000};
        }).empty());
  CHECK(find("equal", [](Evaluation& e, double) { e.grad_norms = {0, 1}; }).empty());
}

TEST_CASE("findings: gradients conflict, by the share of pairs and steps with a negative cosine") {
  const auto until = [](double share, double cosine) {
    return find("equal", [=](Evaluation& e, double t) {
      if (t <= share) e.cosines = {1, cosine, cosine, 1};
    });
  };
  check_one(until(0.5, -0.3), Symptom::gradients_conflict, "52 % of the pairs");  // 11 of 21
  CHECK(until(0.1, -0.9).empty());
  CHECK(until(1.0, -0.04).empty());  // as random directions are
  CHECK(until(1.0, std::nan("")).empty());
}

TEST_CASE("findings: a weight at its floor, over the last quarter") {
  const auto at = [](double weight, double since) {
    return find("gradnorm", [=](Evaluation& e, double t) {
      if (t >= since) e.weights = {2 - weight, weight};
    });
  };
  check_one(at(1e-4, 0), Symptom::weight_at_floor,
            "that of sigma 100 is 0.0001 of the mean weight");
  check_one(at(1e-4, 0.7), Symptom::weight_at_floor, "0.0001");
  CHECK(at(2e-3, 0).empty());
  CHECK(at(1e-4, 0.95).empty());
  CHECK(find("pcgrad", [](Evaluation& e, double) { e.weights.clear(); }).empty());
}

TEST_CASE("findings: a loss stopped falling, by its slope over the last quarter") {
  const auto after = [](const std::function<double(double)>& loss) {
    return find("equal", [=](Evaluation& e, double t) {
      if (t >= 0.7) e.test_losses[1] = loss(t);
    });
  };
  check_one(after([](double) { return 5.0; }), Symptom::loss_stopped, "1 of 2 test losses");
  check_one(after([](double t) { return 5 + 2 * t; }), Symptom::loss_stopped,
            "sigma 100 rose by 7");
  check_one(after([](double t) { return std::exp(-0.02 * t); }), Symptom::loss_stopped,
            "sigma 100 fell by 0.5 %");
  CHECK(after([](double t) { return std::exp(-0.1 * t); }).empty());
}

TEST_CASE("findings: a target out of reach, over the last half") {
  const auto off = [](double factor, double until) {
    return find("gradnorm", [=](Evaluation& e, double t) {
      e.targets = {1.2, 1.2};
      e.grad_norms = {1.2, 1.2};
      if (t <= until) e.grad_norms = {1.2 * factor, 1.2 * factor};
    });
  };
  check_one(off(3, 1), Symptom::target_unreachable, "200 % away");
  CHECK(off(1.4, 1).empty());
  CHECK(off(3, 0.6).empty());  // on its way, and then there
}

TEST_CASE("findings: a learning rate too high, by rises and by runs that diverged") {
  const auto rising = [](int every, double factor) {
    int count = 0;
    return find("equal", [=](Evaluation& e, double) mutable {
      if (++count % every == 0) {
        for (double& loss : e.train_losses) loss *= factor;
      }
    });
  };
  check_one(rising(3, 2), Symptom::learning_rate_too_high, "rose by more than 10 % in 35 %");
  CHECK(rising(10, 2).empty());
  CHECK(rising(3, 1.2).empty());  // less than it falls meanwhile

  RunResult diverged = made_up(
      "equal", [](Evaluation&, double) {}, 2);
  diverged.error = "a loss is not finite";
  const std::vector<RunResult> runs = {made_up("equal", [](Evaluation&, double) {}), diverged};
  check_one(findings(runs), Symptom::learning_rate_too_high, "1 of 2 runs diverged");
  diverged.history.clear();
  check_one(findings({&diverged, 1}), Symptom::learning_rate_too_high, "1 of 1 runs diverged");
}

TEST_CASE("findings: numbers are medians over the seeds") {
  std::vector<RunResult> runs;
  for (const double norm : {20.0, 30.0, 1000.0}) {
    runs.push_back(made_up(
        "equal",
        [=](Evaluation& e, double) {
          e.grad_norms = {1, norm};
        },
        runs.size()));
  }
  check_one(findings(runs), Symptom::task_dominates, "30 times the shortest");
  check_one(findings(runs), Symptom::task_dominates, "median of 3 runs");
  runs[1] = made_up(
      "equal", [](Evaluation&, double) {}, 1);
  runs[0] = made_up(
      "equal", [](Evaluation&, double) {}, 0);
  CHECK(findings(runs).empty());
}

TEST_CASE("findings: every symptom has the name it has in the code") {
  CHECK(name_of(Symptom::task_dominates) == "task_dominates");
  CHECK(name_of(Symptom::gradients_conflict) == "gradients_conflict");
  CHECK(name_of(Symptom::weight_at_floor) == "weight_at_floor");
  CHECK(name_of(Symptom::loss_stopped) == "loss_stopped");
  CHECK(name_of(Symptom::target_unreachable) == "target_unreachable");
  CHECK(name_of(Symptom::learning_rate_too_high) == "learning_rate_too_high");
}

TEST_CASE("findings_summary: a line a symptom, in ASCII, with the first three methods") {
  std::vector<RunResult> runs;
  for (const char* method : {"a", "b", "c", "d"}) {
    runs.push_back(made_up(method, [](Evaluation& e, double) { e.grad_norms = {1, 40}; }));
  }
  runs[1] = made_up("b", [](Evaluation& e, double) { e.cosines = {1, -0.5, -0.5, 1}; });
  runs.push_back(made_up("e", [](Evaluation& e, double) { e.grad_norms = {1, 40}; }));
  const std::string text = findings_summary(findings(runs));
  CHECK(
      text ==
      "What to make of it:\n"
      "  a task dominates: a on 2 tasks (norms 1 : 40), c on 2 tasks (norms 1 : 40), d on 2 tasks "
      "(norms 1 : 40), and 1 more\n"
      "    Try a method that evens gradient norms out: gradnorm, or imtl_g.\n"
      "  gradients conflict: b on 2 tasks (100 %)\n"
      "    Try a method that changes directions, not only lengths: pcgrad or cagrad.\n");
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= 32 && c < 127); }));
}

}  // namespace
}  // namespace taskgrad::toy
