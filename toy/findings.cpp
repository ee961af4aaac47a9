#include <taskgrad/toy/findings.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taskgrad::toy {
namespace {

constexpr std::size_t kFewest = 4;  // numbers that a trend or a share rests on

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

using History = std::span<const Evaluation>;
using Numbers = std::vector<double>;

/// Of those that are numbers; NaN for none.
double median(Numbers values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kNone;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

/// The evaluations of the last `share` of the steps.
History last_part(const RunResult& run, double share) {
  const double begin = (1 - share) * static_cast<double>(run.history.back().step);
  const auto first = std::find_if(run.history.begin(), run.history.end(), [&](const Evaluation& e) {
    return static_cast<double>(e.step) >= begin;
  });
  return {first, run.history.end()};
}

/// What the least-squares line of log y over the steps does from the first to the last: 0.01 for a
/// fall by one percent. NaN for fewer numbers than a trend needs.
double fall(History part, std::size_t task) {
  double x_mean = 0;
  double y_mean = 0;
  const auto count = static_cast<double>(part.size());
  if (part.size() < kFewest || part[0].test_losses.empty()) return kNone;
  for (const Evaluation& e : part) {
    x_mean += static_cast<double>(e.step) / count;
    y_mean += std::log(e.test_losses[task]) / count;
  }
  double xx = 0;
  double xy = 0;
  for (const Evaluation& e : part) {
    const double x = static_cast<double>(e.step) - x_mean;
    xx += x * x;
    xy += x * (std::log(e.test_losses[task]) - y_mean);
  }
  return 1 - std::exp(xy / xx * static_cast<double>(part.back().step - part.front().step));
}

/// The rules, for the runs of one method.
class Diagnosis {
 public:
  Diagnosis(const Panel& panel, const Method& method)
      : panel_(panel), method_(method), where_(method.name + " on " + tasks_of(panel)) {
    for (const RunResult* run : method.runs) {
      if (run->error.empty() && !run->history.empty()) sound_.push_back(run);
    }
  }

  std::vector<Finding> make() {
    if (!sound_.empty()) {
      task_dominates();
      gradients_conflict();
      weight_at_floor();
      loss_stopped();
      target_unreachable();
    }
    learning_rate_too_high();
    return std::move(found_);
  }

 private:
  std::size_t tasks() const { return panel_.sigmas.size(); }
  bool balances() const { return !sound_[0]->history[0].targets.empty(); }
  std::string task(std::size_t index) const {
    return fmt::format("sigma {:.4g}", panel_.sigmas[index]);
  }
  std::string of_runs() const {
    return sound_.size() == 1 ? "" : fmt::format(", median of {} runs", sound_.size());
  }
  void add(Symptom symptom, std::string number, std::string claim, std::string advice) {
    found_.push_back({symptom, where_, std::move(number), std::move(claim), std::move(advice)});
  }

  template <class Number>
  double median_of_runs(Number number) const {
    Numbers numbers;
    for (const RunResult* run : sound_) {
      if (const double value = number(*run); !std::isnan(value)) numbers.push_back(value);
    }
    return median(std::move(numbers));
  }

  /// The median of one task's number over the evaluations of a part of all runs.
  template <class Number>
  Numbers by_task(double share, Number number) const {
    Numbers medians;
    for (std::size_t index = 0; index < tasks(); ++index) {
      medians.push_back(median_of_runs([&](const RunResult& run) {
        Numbers values;
        for (const Evaluation& e : last_part(run, share)) values.push_back(number(e, index));
        return median(std::move(values));
      }));
    }
    return medians;
  }

  std::size_t place_of(const Numbers& numbers, bool largest) const {
    const auto found = largest ? std::max_element(numbers.begin(), numbers.end())
                               : std::min_element(numbers.begin(), numbers.end());
    return static_cast<std::size_t>(found - numbers.begin());
  }

  void task_dominates() {
    const double ratio = median_of_runs([](const RunResult& run) {
      Numbers ratios;
      for (const Evaluation& e : run.history) {
        if (e.grad_norms.empty()) continue;
        const auto [least, most] = std::minmax_element(e.grad_norms.begin(), e.grad_norms.end());
        if (*least > 0 && std::isfinite(*most)) ratios.push_back(*most / *least);
      }
      return median(std::move(ratios));
    });
    if (!(ratio >= kDominance)) return;
    const Numbers norms =
        by_task(1, [](const Evaluation& e, std::size_t i) { return e.grad_norms[i]; });
    add(Symptom::task_dominates, fmt::format("norms 1 : {:.3g}", ratio),
        fmt::format("A task dominates: the longest weighted gradient is {:.3g} times the shortest "
                    "(median over the run{}); {} has the longest, {} the shortest.",
                    ratio, of_runs(), task(place_of(norms, true)), task(place_of(norms, false))),
        balances() ? "Try a larger --weight-lr, so that the weights get there sooner."
                   : "Try a method that evens gradient norms out: gradnorm, or imtl_g.");
  }

  void gradients_conflict() {
    const double share = median_of_runs([this](const RunResult& run) {
      double against = 0;
      double pairs = 0;
      for (const Evaluation& e : run.history) {
        for (std::size_t place = 0; place < e.cosines.size(); ++place) {
          if (place % tasks() >= place / tasks() || std::isnan(e.cosines[place])) continue;
          against += e.cosines[place] < kAgainst;
          ++pairs;
        }
      }
      return against / pairs;  // NaN for none
    });
    if (!(share >= kConflicts)) return;
    add(Symptom::gradients_conflict, fmt::format("{:.0f} %", 100 * share),
        fmt::format(
            "Gradients conflict: {:.0f} % of the pairs of tasks at the evaluated steps have "
            "a cosine below {:g}{}.",
            100 * share, kAgainst, of_runs()),
        "Try a method that changes directions, not only lengths: pcgrad or cagrad.");
  }

  void weight_at_floor() {
    if (sound_[0]->history[0].weights.empty() || tasks() < 2) return;
    const Numbers shares = by_task(0.25, [](const Evaluation& e, std::size_t i) {
      double sum = 0;
      for (const double weight : e.weights) sum += weight;
      return e.weights[i] * static_cast<double>(e.weights.size()) / sum;
    });
    const std::size_t least = place_of(shares, false);
    if (!(shares[least] < kWeightFloor)) return;
    add(Symptom::weight_at_floor, fmt::format("{:.2g} of the mean", shares[least]),
        fmt::format("A weight sits at its floor: that of {} is {:.2g} of the mean weight over the "
                    "last quarter{}.",
                    task(least), shares[least], of_runs()),
        "Try scaling that loss down before it is weighted, or with gradnorm a smaller "
        "--alpha.");
  }

  void loss_stopped() {
    Numbers falls;
    for (std::size_t index = 0; index < tasks(); ++index) {
      falls.push_back(
          median_of_runs([&](const RunResult& run) { return fall(last_part(run, 0.25), index); }));
    }
    const auto stopped =
        std::count_if(falls.begin(), falls.end(), [](double x) { return x < kStopped; });
    if (stopped == 0) return;
    const std::size_t worst = place_of(falls, false);
    const double percent = 100 * falls[worst];
    add(Symptom::loss_stopped, fmt::format("{} of {}", stopped, tasks()),
        fmt::format(
            "{} of {} test losses stopped falling: they lost less than {:g} % over the last "
            "quarter; that of {} {} by {:.2g} %{}.",
            stopped, tasks(), 100 * kStopped, task(worst), percent < 0 ? "rose" : "fell",
            std::abs(percent), of_runs()),
        "Try a third of --lr, or a wider model; more --steps alone will not help.");
  }

  void target_unreachable() {
    if (!balances()) return;
    const double distance = median_of_runs([](const RunResult& run) {
      Numbers distances;
      for (const Evaluation& e : last_part(run, 0.5)) {
        for (std::size_t i = 0; i < e.targets.size(); ++i) {
          if (e.targets[i] > 0) distances.push_back(std::abs(e.grad_norms[i] / e.targets[i] - 1));
        }
      }
      return median(std::move(distances));
    });
    if (!(distance > kOffTarget)) return;
    add(Symptom::target_unreachable, fmt::format("{:.0f} % off", 100 * distance),
        fmt::format(
            "The target is out of reach: norms are {:.0f} % away from it (median over tasks "
            "and the last half of the run{}).",
            100 * distance, of_runs()),
        "Try a larger --weight-lr, more --steps, or an --alpha nearer to 0.");
  }

  void learning_rate_too_high() {
    const std::size_t diverged = static_cast<std::size_t>(
        std::count_if(method_.runs.begin(), method_.runs.end(),
                      [](const RunResult* run) { return !run->error.empty(); }));
    constexpr const char* kAdvice = "Try a third of --lr.";
    if (diverged > 0) {
      add(Symptom::learning_rate_too_high,
          fmt::format("{} of {} diverged", diverged, method_.runs.size()),
          fmt::format("The learning rate is too high: {} of {} runs diverged.", diverged,
                      method_.runs.size()),
          kAdvice);
      return;
    }
    const double share = median_of_runs(rises);
    if (!(share >= kRises)) return;
    add(Symptom::learning_rate_too_high, fmt::format("{:.0f} % rises", 100 * share),
        fmt::format("The learning rate is too high: the training loss rose by more than {:g} % in "
                    "{:.0f} % of the steps from one evaluation to the next{}.",
                    100 * kRise, 100 * share, of_runs()),
        kAdvice);
  }

  /// The share of evaluations whose training loss, sum_i L_i / L_i(0), is above the one before.
  static double rises(const RunResult& run) {
    if (run.history.size() <= kFewest) return kNone;
    const Numbers& first = run.history[0].train_losses;
    double before = std::numeric_limits<double>::infinity();
    double count = 0;
    for (const Evaluation& e : run.history) {
      double now = 0;
      for (std::size_t i = 0; i < first.size(); ++i) now += e.train_losses[i] / first[i];
      count += now > (1 + kRise) * before;
      before = now;
    }
    return count / static_cast<double>(run.history.size() - 1);
  }

  const Panel& panel_;
  const Method& method_;
  std::string where_;
  std::vector<const RunResult*> sound_;
  std::vector<Finding> found_;
};

constexpr std::string_view kShort[] = {"a task dominates",      "gradients conflict",
                                       "a weight at its floor", "losses stopped falling",
                                       "target out of reach",   "learning rate too high"};

constexpr std::string_view kNames[] = {"task_dominates",     "gradients_conflict",
                                       "weight_at_floor",    "loss_stopped",
                                       "target_unreachable", "learning_rate_too_high"};

}  // namespace

std::string_view name_of(Symptom symptom) { return kNames[static_cast<std::size_t>(symptom)]; }

std::vector<Finding> findings(std::span<const RunResult> results) {
  std::vector<Finding> all;
  for (const Panel& panel : panels_of(results)) {
    for (const Method& method : panel.methods) {
      for (Finding& finding : Diagnosis(panel, method).make()) all.push_back(std::move(finding));
    }
  }
  return all;
}

std::string findings_summary(std::span<const Finding> findings) {
  constexpr int kNamed = 3;
  std::string text;
  for (std::size_t symptom = 0; symptom < std::size(kShort); ++symptom) {
    std::string line;
    int count = 0;
    std::string_view advice;
    for (const Finding& finding : findings) {
      if (finding.symptom != static_cast<Symptom>(symptom)) continue;
      if (count++ == 0) advice = finding.advice;
      if (count > kNamed) continue;
      line += fmt::format("{}{} ({})", count == 1 ? "" : ", ", finding.method, finding.number);
    }
    if (count == 0) continue;
    if (count > kNamed) line += fmt::format(", and {} more", count - kNamed);
    text += fmt::format("  {}: {}\n    {}\n", kShort[symptom], line, advice);
  }
  return text.empty() ? text : "What to make of it:\n" + text;
}

}  // namespace taskgrad::toy
