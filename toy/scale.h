// The scale of an axis: which numbers it spans, where it has ticks, and what stands beside them.
#pragma once

#include <string>
#include <vector>

namespace taskgrad::toy {

struct Tick {
  double value = 0;
  std::string label;
};

class Scale {
 public:
  /// Spans the numbers that can be shown, with a little room; from 0 to 1 when there are none.
  Scale(const std::vector<double>& values, bool log);

  bool shows(double value) const;
  /// 0 at the lower end, 1 at the upper one.
  double place(double value) const;
  /// At round numbers, at most about `most` of them.
  std::vector<Tick> ticks(int most) const;
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  std::vector<Tick> linear_ticks(int most) const;
  std::vector<Tick> decades(int most) const;

  bool log_;
  double low_ = 0;
  double high_ = 1;
};

/// 0.25, 1500, 10⁻⁶: as short as a tick needs.
std::string tick_label(double value);

}  // namespace taskgrad::toy
