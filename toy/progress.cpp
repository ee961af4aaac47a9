#include <taskgrad/toy/progress.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

namespace taskgrad::toy {
namespace {

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(std::ceil(seconds), 0.0, 3.6e8));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

ProgressReport::~ProgressReport() {
  if (style_ == Style::rich && began_) out_ << "\r\x1b[K" << std::flush;
}

bool ProgressReport::is_due(const Progress& progress) const {
  if (style_ == Style::rich || (stage_.number > 1 && !began_)) return true;
  constexpr double kLeast = 2;
  constexpr double kMost = 60;
  const double waited = progress.seconds - last_seconds_;
  const bool next_tenth = std::floor(progress.fraction * 10) > std::floor(last_fraction_ * 10);
  return waited >= kMost || (waited >= kLeast && next_tenth);
}

void ProgressReport::operator()(const Progress& progress) {
  if (!is_due(progress)) return;
  began_ = true;
  last_seconds_ = progress.seconds;
  last_fraction_ = progress.fraction;
  const std::string left = progress.steps_done > 0 ? clock_text(progress.seconds_left) : "?";
  const bool staged = stage_.count > 1;
  const std::string text =
      (staged ? fmt::format("stage {} of {}  ", stage_.number, stage_.count) : "") +
      fmt::format("{:3.0f} %  {} of {} runs  {} of {} steps  {} left", 100 * progress.fraction,
                  progress.runs_done, progress.runs, progress.steps_done, progress.steps, left);
  if (style_ == Style::plain) {
    out_ << text << std::endl;
    return;
  }
  const int length = staged ? 4 : 16;  // a line longer than a terminal could not be written over
  std::string bar;
  for (int i = 0; i < length; ++i) bar += i < progress.fraction * length ? "█" : "░";
  out_ << "\r\x1b[K" << bar << ' ' << text << std::flush;
}

}  // namespace taskgrad::toy
