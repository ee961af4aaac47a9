#include <taskgrad/core/fail.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/json.h>
#include <taskgrad/toy/metrics_log.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace taskgrad::toy {
namespace {

std::string path_in(const std::string& directory) {
  return (std::filesystem::path(directory) / kMetricsFile).string();
}

}  // namespace

MetricsLog::MetricsLog(const std::string& directory) : path_(path_in(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    fail<ConfigError>("--out: must be a directory that can be made: {:?} ({})", directory,
                      error.message());
  }
  file_.reset(std::fopen(path_.c_str(), "wx"));
  if (file_ != nullptr) return;
  if (errno == EEXIST)
    fail<ConfigError>("--out: metrics are never overwritten: {} exists [choose another directory]",
                      path_);
  fail<ConfigError>("--out: must be a directory that can be written: {:?} ({})", directory,
                    std::strerror(errno));
}

MetricsLog::MetricsLog(const std::string& directory, std::string_view lines)
    : path_(path_in(directory)) {
  replace_file(path_, lines);
  file_.reset(std::fopen(path_.c_str(), "a"));
  if (file_ == nullptr) {
    fail<IoError>("--resume: {} could not be opened: {}", path_, std::strerror(errno));
  }
}

void MetricsLog::write(const RunOptions& run, const Evaluation& evaluation) {
  const std::string line = to_json_line(run, evaluation) + '\n';
  const std::lock_guard lock(mutex_);
  const bool written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size();
  if (!written || std::fflush(file_.get()) != 0) {
    fail<IoError>("--out: {} could not be written: {}", path_, std::strerror(errno));
  }
}

}  // namespace taskgrad::toy
