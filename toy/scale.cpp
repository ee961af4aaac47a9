#include <taskgrad/toy/scale.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {
namespace {

constexpr double kRoom = 0.04;  // beside the outermost numbers, of the span

std::string raised(int exponent) {
  constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(exponent))) text += kDigits[digit - '0'];
  return text;
}

/// 1, 2 or 5 times a power of ten, not below `step`.
double round_step(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string tick_label(double value) {
  const double size = std::abs(value);
  if (size == 0 || (size >= 1e-3 && size < 1e5)) return fmt::format("{:.6g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(size) + 1e-9));
  const double factor = value / std::pow(10.0, exponent);
  const std::string power = "10" + raised(exponent);
  if (std::abs(factor - 1) < 1e-9) return power;
  return fmt::format("{:.6g}·{}", factor, power);
}

Scale::Scale(const std::vector<double>& values, bool log) : log_(log) {
  bool any = false;
  for (const double value : values) {
    if (!shows(value)) continue;
    low_ = any ? std::min(low_, value) : value;
    high_ = any ? std::max(high_, value) : value;
    any = true;
  }
  if (log_) {
    if (!any) low_ = 0.1;
    const double room = high_ > low_ ? std::pow(high_ / low_, kRoom) : 2.0;
    low_ /= room;
    high_ *= room;
    return;
  }
  const double room = high_ > low_ ? kRoom * (high_ - low_) : std::max(std::abs(low_) / 2, 1e-12);
  const bool from_zero = low_ == 0 && high_ > 0;  // steps begin at the axis
  if (!from_zero) low_ -= room;
  high_ += room;
}

bool Scale::shows(double value) const { return std::isfinite(value) && (!log_ || value > 0); }

double Scale::place(double value) const {
  if (log_) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

std::vector<Tick> Scale::ticks(int most) const {
  constexpr double kFewDecades = 1.3;  // below that a scale of ones alone would have a tick or two
  if (!log_) return linear_ticks(most);
  return std::log10(high_ / low_) < 0.7           ? linear_ticks(most - 1)
         : std::log10(high_ / low_) < kFewDecades ? decades(3 * most)
                                                  : decades(most);
}

std::vector<Tick> Scale::linear_ticks(int most) const {
  const double step = round_step((high_ - low_) / most);
  std::vector<Tick> ticks;
  for (double k = std::ceil(low_ / step - 1e-9); k * step <= high_ * (1 + 1e-12); ++k) {
    const double value = k * step + 0.0;  // no negative zero
    ticks.push_back({value, tick_label(value)});
  }
  return ticks;
}

// Powers of ten; with 2 and 5 between them where there is room for all.
std::vector<Tick> Scale::decades(int most) const {
  const int first = static_cast<int>(std::floor(std::log10(low_)));
  const int last = static_cast<int>(std::ceil(std::log10(high_)));
  const int stride = (last - first + most - 1) / most;
  const std::vector<double> factors =
      3 * (last - first) <= most + 1 ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  std::vector<Tick> ticks;
  for (int exponent = first; exponent <= last; ++exponent) {
    if (exponent % stride != 0) continue;
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, exponent);
      if (value >= low_ && value <= high_) ticks.push_back({value, tick_label(value)});
    }
  }
  return ticks;
}

}  // namespace taskgrad::toy
