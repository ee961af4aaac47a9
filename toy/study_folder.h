// The directory of a study: what it is, how far each run is, and its metrics.
//
//   study.toml              the options, for --config; written first
//   runs/NNN.safetensors    the last checkpoint of each run, in the order of the options
//   metrics.jsonl           a line for each evaluation
#pragma once

#include <taskgrad/toy/experiment.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/metrics_log.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace taskgrad::toy {

inline constexpr const char* kStudyFile = "study.toml";

/// save() and write() may be called by several threads, for different runs. While one lives, a
/// second one for its directory throws ConfigError.
class StudyFolder {
 public:
  enum class Study { begins, goes_on };

  using Further = std::function<std::vector<RunOptions>(std::span<const RunResult>)>;

  /// `text` says what the study is, as study.toml does; `further` gives the runs that follow from
  /// the results of the first.
  /// A study that begins: makes the directory. Throws ConfigError when that cannot be done, or it
  /// has results already; IoError.
  /// One that goes on: reads all checkpoints, and leaves in metrics.jsonl their evaluations alone.
  /// Throws IoError, before anything changes, for a checkpoint that cannot be used.
  StudyFolder(Study study, const std::string& directory, std::vector<RunOptions> runs,
              std::string text, const Further& further = {});

  /// Adds the runs that follow, unless it has gone on with them already.
  void extend(std::span<const RunOptions> further);

  /// Where each run goes on; one that is done has no state any more.
  std::span<const Checkpoint> checkpoints() const { return checkpoints_; }

  /// Both throw IoError.
  void save(std::size_t run, const Checkpoint& checkpoint) const;
  void write(std::size_t run, const Evaluation& evaluation) { log_->write(runs_[run], evaluation); }

 private:
  void begin();
  void go_on(const Further& further);
  /// Reads those of all runs from `first` on.
  void load_checkpoints(std::size_t first);
  std::filesystem::path checkpoint_file(std::size_t run) const;
  /// The evaluations of all checkpoints, as lines of metrics.jsonl.
  std::string metrics() const;

  std::filesystem::path directory_;
  std::vector<RunOptions> runs_;
  std::size_t first_runs_;  // those that do not follow from others
  std::string text_;
  std::vector<Checkpoint> checkpoints_;
  std::optional<DirectoryLock> lock_;
  std::optional<MetricsLog> log_;
};

}  // namespace taskgrad::toy
