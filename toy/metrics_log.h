// metrics.jsonl: one JSON object a line, one line an evaluation.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace taskgrad::toy {

inline constexpr const char* kMetricsFile = "metrics.jsonl";

/// Lines are complete and on their way to the disk when write() returns; numbers read back to the
/// same bits. May be used by several threads.
class MetricsLog {
 public:
  /// Makes the directory where it is missing, and DIR/metrics.jsonl in it. Throws ConfigError when
  /// that cannot be done, or the file exists: results of an earlier run are not overwritten.
  explicit MetricsLog(const std::string& directory);
  /// Goes on with a log that has these lines, whatever the file had. Throws IoError.
  MetricsLog(const std::string& directory, std::string_view lines);

  /// Throws IoError when the line could not be written.
  void write(const RunOptions& run, const Evaluation& evaluation);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::mutex mutex_;
};

}  // namespace taskgrad::toy
