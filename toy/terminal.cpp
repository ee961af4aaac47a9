#include <taskgrad/toy/terminal.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <sys/ioctl.h>
#include <unistd.h>

namespace taskgrad::toy {
namespace {

// Okabe and Ito's palette in the 256 colours that nearly every terminal has: blue, orange, green,
// purple, sky blue, vermilion.
constexpr std::array kPalette = {32, 214, 36, 175, 117, 166};

constexpr int kLabelWidth = 8;  // of the numbers left of the axis

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool locale_has_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    for (const char* encoding : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (value.find(encoding) != std::string_view::npos) return true;
    }
    return false;
  }
  return true;  // nothing is said, as in most containers: terminals of today can
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Where a value lies, from 0 to 1.
  double place(double value) const { return (value - low) / (high - low); }
  void widen_if_empty() {
    if (high > low) return;
    const double margin = std::max(std::abs(high) * 0.1, 1e-3);
    low -= margin;
    high += margin;
  }
};

/// A grid of characters, each two dots wide and four high.
class Canvas {
 public:
  Canvas(int columns, int rows)
      : columns_(columns), rows_(rows), cells_(static_cast<std::size_t>(columns * rows)) {}

  int width() const { return 2 * columns_; }
  int height() const { return 4 * rows_; }

  void line(int x0, int y0, int x1, int y1, std::size_t color) {
    const int count = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= count; ++i) {
      const double part = static_cast<double>(i) / count;
      dot(x0 + static_cast<int>(std::lround(part * (x1 - x0))),
          y0 + static_cast<int>(std::lround(part * (y1 - y0))), color);
    }
  }

  std::string row(int row) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[index(column, row)];
      text += cell.dots == 0 ? " " : in_color(braille(cell.dots), cell.color);
    }
    return text;
  }

 private:
  struct Cell {
    std::uint8_t dots = 0;
    std::size_t color = 0;
  };

  void dot(int x, int y, std::size_t color) {
    // Bits of U+2800: the left column is 0, 1, 2, 6 from above, the right one 3, 4, 5, 7.
    constexpr std::uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    Cell& cell = cells_[index(x / 2, y / 4)];
    cell.dots = static_cast<std::uint8_t>(cell.dots | kBits[y % 4][x % 2]);
    cell.color = color;
  }

  static std::string braille(std::uint8_t dots) {
    return {'\xe2', static_cast<char>(0xa0 | (dots >> 6)), static_cast<char>(0x80 | (dots & 0x3f))};
  }

  std::size_t index(int column, int row) const {
    return static_cast<std::size_t>(row * columns_ + column);
  }

  int columns_;
  int rows_;
  std::vector<Cell> cells_;
};

/// The points that can be drawn, y as its logarithm on a log axis.
std::vector<Curve> drawable(std::span<const Curve> curves, bool log_y) {
  std::vector<Curve> result;
  for (const Curve& curve : curves) {
    Curve& kept = result.emplace_back(Curve{.label = curve.label, .points = {}});
    for (const auto& [x, y] : curve.points) {
      const double height = log_y ? std::log(y) : y;
      if (std::isfinite(height)) kept.points.emplace_back(x, height);
    }
  }
  return result;
}

/// The row of each curve's label: near its end, one a row where there are rows enough.
std::vector<int> label_rows(const std::vector<Curve>& curves, const Range& y, int rows) {
  std::vector<std::size_t> from_above;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (!curves[i].points.empty()) from_above.push_back(i);
  }
  const auto end = [&](std::size_t i) { return curves[i].points.back().second; };
  std::stable_sort(from_above.begin(), from_above.end(),
                   [&](std::size_t a, std::size_t b) { return end(a) > end(b); });

  std::vector<int> result(curves.size(), -1);
  const bool spread = static_cast<int>(from_above.size()) <= rows;
  int next_free = 0;
  int below = static_cast<int>(from_above.size());
  for (const std::size_t i : from_above) {
    const int wanted = std::min(static_cast<int>((1 - y.place(end(i))) * rows), rows - 1);
    // Room is kept for the labels still to come.
    result[i] = spread ? std::clamp(wanted, next_free, rows - below) : wanted;
    next_free = result[i] + 1;
    --below;
  }
  return result;
}

std::string axis_number(const Range& y, double place, bool log_y) {
  const double value = y.low + place * (y.high - y.low);
  return fmt::format("{:.3g}", log_y ? std::exp(value) : value);
}

void draw(Canvas& canvas, const Curve& curve, const Range& x, const Range& y, std::size_t color) {
  const auto dot = [&](const std::pair<double, double>& point) {
    return std::pair(
        static_cast<int>(std::lround(x.place(point.first) * (canvas.width() - 1))),
        static_cast<int>(std::lround((1 - y.place(point.second)) * (canvas.height() - 1))));
  };
  for (std::size_t i = 0; i < curve.points.size(); ++i) {
    const auto [x0, y0] = dot(curve.points[i == 0 ? 0 : i - 1]);
    const auto [x1, y1] = dot(curve.points[i]);
    canvas.line(x0, y0, x1, y1, color);
  }
}

}  // namespace

Style style_of(int file_descriptor) {
  const bool rich = isatty(file_descriptor) == 1 && variable("NO_COLOR").empty() &&
                    variable("TERM") != "dumb" && locale_has_unicode();
  return rich ? Style::rich : Style::plain;
}

int columns_of(int file_descriptor) {
  winsize size{};
  const bool known = ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string in_color(std::string_view text, std::size_t color) {
  return fmt::format("\x1b[38;5;{}m{}\x1b[0m", kPalette[color % kPalette.size()], text);
}

std::string in_bold(std::string_view text) { return fmt::format("\x1b[1m{}\x1b[0m", text); }

std::string plot(std::span<const Curve> curves, const PlotOptions& options) {
  const std::vector<Curve> drawn = drawable(curves, options.log_y);
  Range x;
  Range y;
  for (const Curve& curve : drawn) {
    for (const auto& point : curve.points) {
      x.include(point.first);
      y.include(point.second);
    }
  }
  if (!(x.high > x.low)) return "";
  y.widen_if_empty();

  Canvas canvas(options.columns, options.rows);
  for (std::size_t i = 0; i < drawn.size(); ++i) draw(canvas, drawn[i], x, y, i);
  const std::vector<int> labels = label_rows(drawn, y, options.rows);

  std::string text = fmt::format("{:>{}} {}\n", "", kLabelWidth, in_bold(options.title));
  for (int row = 0; row < options.rows; ++row) {
    const double place = 1 - static_cast<double>(row) / (options.rows - 1);
    const bool marked = row == 0 || row == options.rows / 2 || row == options.rows - 1;
    text += fmt::format("{:>{}} {}{}", marked ? axis_number(y, place, options.log_y) : "",
                        kLabelWidth, marked ? "┤" : "│", canvas.row(row));
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      if (labels[i] == row) text.append(1, ' ').append(in_color(drawn[i].label, i));
    }
    text += '\n';
  }
  std::string rule;
  for (int column = 0; column < options.columns; ++column) rule += "─";
  const std::string last = fmt::format("{:g} {}", x.high, options.x_label);
  text += fmt::format("{:>{}} └{}\n", "", kLabelWidth, rule);
  text += fmt::format("{:>{}}  {:<{}}{}\n", "", kLabelWidth, fmt::format("{:g}", x.low),
                      std::max(0, options.columns - static_cast<int>(last.size())), last);
  return text;
}

}  // namespace taskgrad::toy
