// What a study says to people while it runs.
#pragma once

#include <taskgrad/toy/study.h>
#include <taskgrad/toy/terminal.h>

#include <iosfwd>

namespace taskgrad::toy {

/// Which part of a study it is, where the runs of one follow from those of another.
struct Stage {
  int number = 1;
  int count = 1;
};

/// Shows the progress of a study: in a line that is written over, or in plain lines now and then,
/// of a later stage at once.
class ProgressReport {
 public:
  ProgressReport(std::ostream& out, Style style, Stage stage = {})
      : out_(out), style_(style), stage_(stage) {}
  /// Removes the line, so that something else can be written.
  ~ProgressReport();
  ProgressReport(const ProgressReport&) = delete;
  ProgressReport& operator=(const ProgressReport&) = delete;

  void operator()(const Progress& progress);

 private:
  bool is_due(const Progress& progress) const;

  std::ostream& out_;
  Style style_;
  Stage stage_;
  bool began_ = false;
  double last_seconds_ = 0;
  double last_fraction_ = 0;
};

}  // namespace taskgrad::toy
