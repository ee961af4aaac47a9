#include <taskgrad/core/fail.h>
#include <taskgrad/toy/drawing.h>
#include <taskgrad/toy/markup.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace taskgrad::toy {
namespace {

using Color = std::array<double, 3>;

// Red by white to blue: poles that every kind of colour blindness keeps apart (ColorBrewer, RdBu).
constexpr Color kStops[] = {
    {178, 24, 43}, {244, 165, 130}, {247, 247, 247}, {146, 197, 222}, {33, 102, 172}};

constexpr double kNames = 34;  // of rows, left of a tile
constexpr double kGap = 10;
constexpr int kAcross = 2;  // tiles in a row
constexpr double kTileWidth = kFigureWidth / kAcross;
constexpr double kSide = kTileWidth - kNames - kGap;
constexpr double kAbove = 22;     // the title of a tile
constexpr double kBelow = 34;     // names of columns
constexpr double kCharacter = 9;  // a generous width of one, with air
constexpr int kMostNumbers = 5;   // rows of a tile whose cells have room for their number

/// Below zero towards `low`, above towards `high`.
double share_of(const HeatMap& map, double value) {
  const double share = value < 0 ? 0.5 - 0.5 * value / map.low : 0.5 + 0.5 * value / map.high;
  return std::clamp(share, 0.0, 1.0);
}

Color color_of(double share) {
  const double place = share * (std::size(kStops) - 1);
  const auto below = std::min(static_cast<std::size_t>(place), std::size(kStops) - 2);
  const double part = place - static_cast<double>(below);
  Color color{};
  for (std::size_t k = 0; k < color.size(); ++k) {
    color[k] = (1 - part) * kStops[below][k] + part * kStops[below + 1][k];
  }
  return color;
}

std::string hex(const Color& color) {
  return fmt::format("#{:02x}{:02x}{:02x}", static_cast<int>(color[0]), static_cast<int>(color[1]),
                     static_cast<int>(color[2]));
}

bool is_dark(const Color& color) {
  return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] < 140;
}

std::string cell(const HeatMap& map, std::size_t row, std::size_t column, double value, double x,
                 double y) {
  const double size = kSide / static_cast<double>(map.names.size());
  const bool known = std::isfinite(value);
  const Color color = color_of(known ? share_of(map, value) : 0.5);
  std::string text = fmt::format(
      "<rect class=\"cell{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\""
      " fill=\"{}\"><title>{}, {}: {}</title></rect>",
      known ? "" : " unknown", x, y, size, size, hex(color), escape(map.names[row]),
      escape(map.names[column]), known ? fmt::format("{:.3f}", value) : "none");
  if (known && map.names.size() <= kMostNumbers) {
    text += fmt::format(
        "<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.2f}"
        "</text>",
        is_dark(color) ? "on-dark" : "on-light", x + size / 2, y + size / 2 + 4, value);
  }
  return text + '\n';
}

/// The name of a column below its middle: upright where a cell has no room for it.
std::string column_name(const std::string& name, double x, double y, double size) {
  const bool wide = kCharacter * static_cast<double>(characters(name)) > size;
  const std::string place =
      wide ? fmt::format("transform=\"translate({:.1f} {:.1f}) rotate(-90)\" text-anchor=\"end\"",
                         x + 4, y + 4)
           : fmt::format("x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\"", x, y + 15);
  return fmt::format("<text {}>{}</text>\n", place, escape(name));
}

std::string draw_tile(const HeatMap& map, const Tile& tile, double left, double top) {
  const std::size_t count = map.names.size();
  const double size = kSide / static_cast<double>(count);
  const double x = left + kNames;
  const double y = top + kAbove;
  std::string text = fmt::format(
      "<g class=\"tile\" data-label=\"{}\">\n<text class=\"label\" x=\"{:g}\" "
      "y=\"{:g}\">{}</text>\n",
      escape(tile.title), x, top + 14, escape(tile.title));
  for (std::size_t row = 0; row < count; ++row) {
    const double middle = (static_cast<double>(row) + 0.5) * size;
    text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", x - 5,
                        y + middle + 4, escape(map.names[row]));
    text += column_name(map.names[row], x + middle, y + kSide, size);
    for (std::size_t column = 0; column < count; ++column) {
      text += cell(map, row, column, tile.values[row * count + column],
                   x + static_cast<double>(column) * size, y + static_cast<double>(row) * size);
    }
  }
  return text + "</g>\n";
}

/// The colours with their numbers.
std::string key(const HeatMap& map, double top) {
  constexpr int kSteps = 41;
  constexpr double kWidth = 205;
  constexpr double kLeft = kNames;
  std::string text;
  for (int step = 0; step < kSteps; ++step) {
    text +=
        fmt::format("<rect x=\"{:.1f}\" y=\"{:g}\" width=\"{:.1f}\" height=\"12\" fill=\"{}\"/>",
                    kLeft + step * kWidth / kSteps, top, kWidth / kSteps + 0.3,
                    hex(color_of(step / (kSteps - 1.0))));
  }
  for (const auto& [value, place] :
       {std::pair{map.low, 0.0}, std::pair{0.0, 0.5}, std::pair{map.high, 1.0}}) {
    text += fmt::format("\n<text x=\"{:g}\" y=\"{:g}\" text-anchor=\"middle\">{:g}</text>",
                        kLeft + place * kWidth, top + 26, value);
  }
  return text + fmt::format("\n<text class=\"label\" x=\"{:g}\" y=\"{:g}\">{}</text>\n",
                            kLeft + kWidth + 14, top + 11, escape(map.quantity));
}

}  // namespace

Drawing draw(const HeatMap& map, const std::string& name) {
  Drawing drawing;
  const std::size_t cells = map.names.size() * map.names.size();
  for (std::size_t i = 0; i < map.tiles.size(); ++i) {
    if (map.tiles[i].values.size() != cells) {
      fail<ConfigError>(
          "figure {}: a tile must have a value for each pair of {} names: {} in \"{}\"", name,
          map.names.size(), map.tiles[i].values.size(), map.tiles[i].title);
    }
    const auto column = static_cast<double>(i % kAcross);
    if (i % kAcross == 0) drawing.height += i == 0 ? 0 : kAbove + kSide + kBelow + kGap;
    drawing.body += draw_tile(map, map.tiles[i], column * kTileWidth, drawing.height);
  }
  if (!map.tiles.empty()) drawing.height += kAbove + kSide + kBelow + kGap;
  drawing.body += key(map, drawing.height);
  drawing.height += 34;
  return drawing;
}

}  // namespace taskgrad::toy
