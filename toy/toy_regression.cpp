// The toy experiment of the GradNorm paper as a program; see `toy_regression --help`.
//
// Exit status: 0 done; 1 a run diverged, something could not be written or --check found otherwise;
// 2 bad input; 130 after Ctrl-C, with the summary of what ran.
#include <taskgrad/core/error.h>
#include <taskgrad/toy/findings.h>
#include <taskgrad/toy/json.h>
#include <taskgrad/toy/options.h>
#include <taskgrad/toy/progress.h>
#include <taskgrad/toy/report.h>
#include <taskgrad/toy/study.h>
#include <taskgrad/toy/study_folder.h>
#include <taskgrad/toy/study_page.h>

#include <atomic>
#include <cmath>
#include <exception>
#include <iostream>
#include <iterator>
#include <optional>
#include <signal.h>
#include <span>
#include <time.h>
#include <unistd.h>

namespace {

using namespace taskgrad;
using namespace taskgrad::toy;

enum Exit { kDone = 0, kFailed = 1, kUsage = 2, kInterrupted = 130 };

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<double>::is_always_lock_free,
              "a signal handler may use no others");

double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The second Ctrl-C ends the program at once, unless it comes with the first: timeout(1) signals a
// process and then its group.
void on_interrupt(int) {
  constexpr double kApart = 0.3;
  static std::atomic<double> first = HUGE_VAL;
  if (!interrupted.exchange(true)) {
    first = seconds_now();
  } else if (seconds_now() - first > kApart) {
    _exit(kInterrupted);
  }
}

void stop_on_interrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

/// Runs of which the first has number `first` in the study.
std::vector<RunResult> train(std::span<const RunOptions> runs, std::size_t first, Stage stage,
                             const Options& options, StudyFolder* folder) {
  ProgressReport progress(std::cerr, style_of(STDERR_FILENO), stage);
  StudyOptions study{.threads = options.threads,
                     .jobs = options.jobs,
                     .checkpoint_every = options.checkpoint_every,
                     .stop = &interrupted};
  if (!options.quiet) study.on_progress = [&](const Progress& now) { progress(now); };
  if (folder != nullptr) {
    study.from = folder->checkpoints().subspan(first, runs.size());
    study.on_evaluation = [&](std::size_t run, const Evaluation& evaluation) {
      folder->write(first + run, evaluation);
    };
    study.on_checkpoint = [&](std::size_t run, const Checkpoint& checkpoint) {
      folder->save(first + run, checkpoint);
    };
  }
  return run_study(runs, study);
}

/// The runs of the study, then those that follow from them.
std::vector<RunResult> train(const Options& options, StudyFolder* folder) {
  const int stages = options.further ? 2 : 1;
  std::vector<RunResult> results = train(options.runs, 0, {1, stages}, options, folder);
  if (!options.further || interrupted) return results;
  const std::vector<RunOptions> runs = options.further(results);
  if (folder != nullptr) folder->extend(runs);
  std::vector<RunResult> further = train(runs, results.size(), {2, stages}, options, folder);
  std::move(further.begin(), further.end(), std::back_inserter(results));
  return results;
}

std::string text_of(const Options& options, const std::vector<RunResult>& results) {
  if (options.json) return to_json(results) + '\n';
  const Style style = style_of(STDOUT_FILENO);
  std::string text =
      style == Style::plain
          ? summary_table(results, style)
          : summary_curves(results) + summary_table(results, style, columns_of(STDOUT_FILENO));
  if (options.findings) text += '\n' + options.findings(results);
  const std::string meaning = findings_summary(findings(results));
  return meaning.empty() ? text : text + '\n' + meaning;
}

void write_report(const Options& options, const std::vector<RunResult>& results) {
  StudyFacts facts{.runs = options.runs, .config = options.config, .interrupted = interrupted};
  if (options.findings) facts.text = options.findings(results);
  if (options.figures) facts.figures = options.figures(results);
  const Page page = study_page(results, facts);
  write_report(options.out, page, options.resume ? Existing::replace : Existing::refuse);
}

void print(const std::string& text) {
  if (!(std::cout << text << std::flush)) throw IoError("stdout: could not be written");
}

Exit run(const Options& options) {
  std::optional<StudyFolder> folder;
  if (!options.out.empty()) {
    using Study = StudyFolder::Study;
    if (!options.resume) refuse_report(options.out);
    folder.emplace(options.resume ? Study::goes_on : Study::begins, options.out, options.runs,
                   options.config, options.further);
  }
  stop_on_interrupt();
  const std::vector<RunResult> results = train(options, folder ? &*folder : nullptr);
  print(text_of(options, results));
  if (folder) write_report(options, results);

  const std::string failed = failures(results);
  std::cerr << failed;
  if (interrupted) {
    std::cerr << "interrupted: these are the results of what ran\n";
    if (folder) std::cerr << "to go on: toy_regression --resume " << options.out << '\n';
    return kInterrupted;
  }
  if (options.check) {
    const std::string lost = not_below_equal(results);
    std::cerr << lost;
    if (!lost.empty()) return kFailed;
  }
  return failed.empty() ? kDone : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    if (options.answer.empty()) return run(options);
    print(options.answer);
    return kDone;
  } catch (const ConfigError& error) {
    std::cerr << "toy_regression: " << error.what() << '\n';
    return kUsage;
  } catch (const std::exception& error) {
    std::cerr << "toy_regression: " << error.what() << '\n';
    return kFailed;
  }
}
