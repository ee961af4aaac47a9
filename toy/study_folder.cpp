#include <taskgrad/core/fail.h>
#include <taskgrad/toy/checkpoint.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/json.h>
#include <taskgrad/toy/study_folder.h>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace taskgrad::toy {

namespace fs = std::filesystem;

StudyFolder::StudyFolder(Study study, const std::string& directory, std::vector<RunOptions> runs,
                         std::string text, const Further& further)
    : directory_(directory),
      runs_(std::move(runs)),
      first_runs_(runs_.size()),
      text_(std::move(text)),
      checkpoints_(runs_.size()) {
  study == Study::begins ? begin() : go_on(further);
}

void StudyFolder::extend(std::span<const RunOptions> further) {
  if (runs_.size() > first_runs_) return;
  runs_.insert(runs_.end(), further.begin(), further.end());
  checkpoints_.resize(runs_.size());
}

void StudyFolder::begin() {
  for (const char* name : {kStudyFile, kMetricsFile}) {
    if (!fs::exists(directory_ / name)) continue;
    fail<ConfigError>(
        "--out: results are never overwritten: {} exists [choose another directory, or --resume]",
        (directory_ / name).string());
  }
  std::error_code error;
  fs::create_directories(directory_ / "runs", error);
  if (error) {
    fail<ConfigError>("--out: must be a directory that can be made: {:?} ({})", directory_.string(),
                      error.message());
  }
  lock_.emplace(directory_);
  replace_file(directory_ / kStudyFile, text_);
  log_.emplace(directory_.string());
}

void StudyFolder::load_checkpoints(std::size_t first) {
  for (std::size_t run = first; run < runs_.size(); ++run) {
    const fs::path file = checkpoint_file(run);
    if (!fs::exists(file)) continue;
    checkpoints_[run] = load_checkpoint(file, runs_[run], text_);
    if (checkpoints_[run].done()) checkpoints_[run].state = {};
  }
}

void StudyFolder::go_on(const Further& further) {
  lock_.emplace(directory_);
  load_checkpoints(0);
  if (further && std::all_of(checkpoints_.begin(), checkpoints_.end(),
                             [](const Checkpoint& run) { return run.done(); })) {
    std::vector<RunResult> results;
    for (const Checkpoint& run : checkpoints_) results.push_back(run.result);
    extend(further(results));
    load_checkpoints(first_runs_);
  }
  fs::create_directories(directory_ / "runs");
  for (const fs::path& folder : {directory_, directory_ / "runs"}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == kAside) fs::remove(entry.path());
    }
  }
  log_.emplace(directory_.string(), metrics());
}

void StudyFolder::save(std::size_t run, const Checkpoint& checkpoint) const {
  save_checkpoint(checkpoint_file(run), checkpoint, text_);
}

fs::path StudyFolder::checkpoint_file(std::size_t run) const {
  return directory_ / "runs" / fmt::format("{:03}.safetensors", run);
}

std::string StudyFolder::metrics() const {
  std::string lines;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    for (const Evaluation& evaluation : checkpoints_[run].result.history) {
      lines += to_json_line(runs_[run], evaluation) + '\n';
    }
  }
  return lines;
}

}  // namespace taskgrad::toy
