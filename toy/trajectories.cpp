#include <taskgrad/toy/comparison.h>

#include <fmt/format.h>

#include <algorithm>

namespace taskgrad::toy {
namespace {

constexpr double kLow = -11;
constexpr double kHigh = 11;
constexpr double kPixels = 560;
constexpr int kCells = 56;

double to_x(double x) { return (x - kLow) / (kHigh - kLow) * kPixels; }
double to_y(double y) { return (kHigh - y) / (kHigh - kLow) * kPixels; }

// Squares shaded by height: light where it is low.
std::string background(const std::function<double(double, double)>& height) {
  std::vector<double> values;
  const double size = (kHigh - kLow) / kCells;
  for (int row = 0; row < kCells; ++row) {
    for (int column = 0; column < kCells; ++column) {
      values.push_back(height(kLow + (column + 0.5) * size, kHigh - (row + 0.5) * size));
    }
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::string text;
  const double pixels = kPixels / kCells;
  for (int row = 0; row < kCells; ++row) {
    for (int column = 0; column < kCells; ++column) {
      const double value = values[static_cast<std::size_t>(row * kCells + column)];
      const double share = *high > *low ? (value - *low) / (*high - *low) : 0.0;
      const int shade = 250 - static_cast<int>(110 * share);
      text += fmt::format(
          "<rect x='{:g}' y='{:g}' width='{:g}' height='{:g}' fill='#{:02x}{:02x}{:02x}'/>\n",
          column * pixels, row * pixels, pixels, pixels, shade, shade, shade);
    }
  }
  return text;
}

std::string path(const Trajectory& trajectory, int hue) {
  if (trajectory.points.empty()) return {};
  constexpr std::size_t kMostPoints = 400;
  const std::size_t stride = std::max<std::size_t>(1, trajectory.points.size() / kMostPoints);
  std::string points;
  for (std::size_t i = 0; i < trajectory.points.size(); i += stride) {
    points +=
        fmt::format("{:.1f},{:.1f} ", to_x(trajectory.points[i][0]), to_y(trajectory.points[i][1]));
  }
  const auto& end = trajectory.points.back();
  points += fmt::format("{:.1f},{:.1f}", to_x(end[0]), to_y(end[1]));
  return fmt::format(
      "<polyline points='{}' fill='none' stroke='hsl({},80%,40%)' stroke-width='1.5'/>\n"
      "<circle cx='{:.1f}' cy='{:.1f}' r='4' fill='hsl({},80%,40%)'/>\n",
      points, hue, to_x(end[0]), to_y(end[1]), hue);
}

}  // namespace

std::string trajectories_svg(std::span<const Trajectory> trajectories,
                             const std::function<double(double, double)>& height) {
  constexpr int kLegend = 150;
  constexpr int kLine = 13;
  const int tall =
      std::max(static_cast<int>(kPixels), kLine * (static_cast<int>(trajectories.size()) + 2));
  std::string text = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}' font-family='sans-serif' "
      "font-size='11'>\n<rect width='100%' height='100%' fill='white'/>\n",
      static_cast<int>(kPixels) + kLegend, tall);
  text += background(height);
  const int count = std::max<int>(1, static_cast<int>(trajectories.size()));
  for (int i = 0; i < static_cast<int>(trajectories.size()); ++i) {
    const Trajectory& trajectory = trajectories[static_cast<std::size_t>(i)];
    const int hue = 360 * i / count;
    text += path(trajectory, hue);
    text += fmt::format("<text x='{}' y='{}' fill='hsl({},80%,40%)'>{}</text>\n",
                        static_cast<int>(kPixels) + 8, kLine * (i + 1), hue, trajectory.name);
  }
  return text + "</svg>\n";
}

}  // namespace taskgrad::toy
