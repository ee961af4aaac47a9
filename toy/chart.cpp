#include <taskgrad/core/fail.h>
#include <taskgrad/toy/drawing.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/scale.h>

#include <fmt/format.h>

#include <algorithm>

namespace taskgrad::toy {
namespace {

constexpr double kLeft = 56;
constexpr double kRight = 14;
constexpr double kTop = 22;  // the label of y stands in it
constexpr double kPlotWidth = kFigureWidth - kLeft - kRight;
constexpr double kPlotHeight = 230;
constexpr double kBelow = 44;  // ticks and label of x
constexpr double kRow = 20;    // of the legend
constexpr double kSample = 30;
constexpr double kCharacter = 7.5;  // a generous width of one
// More points than the picture has dots cost bytes only. Thinned out they may lose a spike; the CSV
// has them all.
constexpr std::size_t kMostPoints = 400;

void check(const Series& series, const std::string& name) {
  const std::size_t size = series.x.size();
  const bool band = !series.low.empty() || !series.high.empty();
  if (series.y.size() == size &&
      (!band || (series.low.size() == size && series.high.size() == size))) {
    return;
  }
  fail<ConfigError>("figure {}: x, y, low and high must have one length: {}, {}, {}, {} in \"{}\"",
                    name, size, series.y.size(), series.low.size(), series.high.size(),
                    series.label);
}

std::string class_of(const Series& series) {
  const int color = series.style % kColors;
  const std::string dashes =
      series.mark == Mark::reference ? "reference" : fmt::format("d{}", series.style % kDashes);
  return fmt::format("line s{} {}", color, dashes);
}

std::vector<double> all_of(const std::vector<Series>& series, bool of_x) {
  std::vector<double> values;
  for (const Series& one : series) {
    for (const auto* list :
         {of_x ? &one.x : &one.y, of_x ? &one.x : &one.low, of_x ? &one.x : &one.high}) {
      values.insert(values.end(), list->begin(), list->end());
    }
  }
  return values;
}

class Plot {
 public:
  explicit Plot(const Chart& chart)
      : chart_(chart),
        x_(all_of(chart.series, true), chart.x.log),
        y_(all_of(chart.series, false), chart.y.log) {}

  Drawing draw() const {
    std::string body = axes();
    for (const Series& series : chart_.series) {
      body += fmt::format("<g class=\"series\" data-label=\"{}\">\n", escape(series.label));
      body += series.mark == Mark::dots ? dots(series) : band(series) + lines(series);
      body += "</g>\n";
    }
    double bottom = kTop + kPlotHeight + kBelow;
    body += legend(bottom);
    return {body, bottom};
  }

 private:
  double to_x(double x) const { return kLeft + kPlotWidth * x_.place(x); }
  double to_y(double y) const { return kTop + kPlotHeight * (1 - y_.place(y)); }
  bool shows(double x, double y) const { return x_.shows(x) && y_.shows(y); }
  std::string point(double x, double y) const {
    return fmt::format("{:.1f},{:.1f}", to_x(x), to_y(y));
  }

  std::string axes() const {
    std::string text;
    for (const Tick& tick : y_.ticks(6)) {
      const double y = to_y(tick.value);
      text += fmt::format(
          "<path class=\"grid\" d=\"M{:g} {:.1f}H{:g}\"/>"
          "<text x=\"{:g}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
          kLeft, y, kLeft + kPlotWidth, kLeft - 7, y + 4, tick.label);
    }
    const double bottom = kTop + kPlotHeight;
    for (const Tick& tick : x_.ticks(5)) {
      const double x = to_x(tick.value);
      text += fmt::format(
          "<path class=\"axis\" d=\"M{:.1f} {:g}v5\"/>"
          "<text x=\"{:.1f}\" y=\"{:g}\" text-anchor=\"middle\">{}</text>\n",
          x, bottom, x, bottom + 18, tick.label);
    }
    text += fmt::format("<path class=\"axis\" d=\"M{:g} {:g}V{:g}H{:g}\"/>\n", kLeft, kTop, bottom,
                        kLeft + kPlotWidth);
    text += fmt::format("<text class=\"label\" x=\"2\" y=\"12\">{}</text>\n", escape(y_label()));
    return text + fmt::format(
                      "<text class=\"label\" x=\"{:g}\" y=\"{:g}\" text-anchor=\"end\">{}"
                      "</text>\n",
                      kLeft + kPlotWidth, bottom + 35, escape(chart_.x.label));
  }

  std::string y_label() const { return chart_.y.label + (chart_.y.log ? " (log scale)" : ""); }

  /// Places to draw: every one, or so many that they are enough, with the last.
  static std::vector<std::size_t> places(const Series& series) {
    const std::size_t size = series.x.size();
    const std::size_t stride = (size + kMostPoints - 1) / kMostPoints;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < size; i += stride) places.push_back(i);
    if (size > 0 && places.back() != size - 1) places.push_back(size - 1);
    return places;
  }

  std::string lines(const Series& series) const {
    std::string text;
    std::string path;
    int length = 0;
    const auto finish = [&] {
      if (length == 1) path += "h0";  // a dot, by its round end
      if (length > 0)
        text += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", class_of(series), path);
      path.clear();
      length = 0;
    };
    for (const std::size_t i : places(series)) {
      if (!shows(series.x[i], series.y[i])) {
        finish();
        continue;
      }
      path += length++ == 0 ? 'M' : ' ';
      path += point(series.x[i], series.y[i]);
    }
    finish();
    return text;
  }

  std::string band(const Series& series) const {
    if (series.low.empty()) return "";
    std::string there;
    std::string back;
    for (const std::size_t i : places(series)) {
      if (!shows(series.x[i], series.low[i]) || !shows(series.x[i], series.high[i])) continue;
      there += point(series.x[i], series.high[i]) + ' ';
      back = point(series.x[i], series.low[i]) + ' ' + back;
    }
    if (there.empty()) return "";
    return fmt::format("<path class=\"band f{}\" d=\"M{}{}Z\"/>\n", series.style % kColors, there,
                       back);
  }

  std::string dots(const Series& series) const {
    std::string text;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!shows(series.x[i], series.y[i])) continue;
      text += dot(series.style, to_x(series.x[i]), to_y(series.y[i]));
    }
    return text;
  }

  /// Shapes differ as colours do.
  static std::string dot(int style, double x, double y) {
    constexpr const char* kShapes[] = {"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", "M-3.5 -3.5h7v7h-7Z",
                                       "M0 -4.6L4.4 3.4H-4.4Z", "M0 -5L5 0L0 5L-5 0Z",
                                       "M0 4.6L4.4 -3.4H-4.4Z"};
    return fmt::format(
        "<path class=\"dot f{}\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\"/>\n",
        style % kColors, x, y, kShapes[style % kDashes]);
  }

  std::string sample(const Series& series, double x, double y) const {
    if (series.mark == Mark::dots) return dot(series.style, x + kSample / 2 - 3, y);
    std::string text;
    if (!series.low.empty()) {
      text += fmt::format("<path class=\"band f{}\" d=\"M{:g} {:g}h{:g}v10h-{:g}Z\"/>",
                          series.style % kColors, x, y - 5, kSample - 6, kSample - 6);
    }
    return text + fmt::format("<path class=\"{}\" d=\"M{:g} {:g}h{:g}\"/>", class_of(series), x, y,
                              kSample - 6);
  }

  /// Rows of samples with their labels from `bottom` on, which moves below them.
  std::string legend(double& bottom) const {
    constexpr double kStart = 8;
    std::string text;
    double x = kStart;
    for (const Series& series : chart_.series) {
      const double width =
          kSample + kCharacter * static_cast<double>(characters(series.label)) + 14;
      if (x > kStart && x + width > kFigureWidth) {
        x = kStart;
        bottom += kRow;
      }
      text += sample(series, x, bottom + 8);
      text += fmt::format("<text x=\"{:g}\" y=\"{:g}\">{}</text>\n", x + kSample, bottom + 12,
                          escape(series.label));
      x += width;
    }
    bottom += kRow;
    return text;
  }

  const Chart& chart_;
  Scale x_;
  Scale y_;
};

}  // namespace

Drawing draw(const Chart& chart, const std::string& name) {
  for (const Series& series : chart.series) check(series, name);
  return Plot(chart).draw();
}

}  // namespace taskgrad::toy
