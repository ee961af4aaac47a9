#include <taskgrad/core/fail.h>
#include <taskgrad/toy/drawing.h>
#include <taskgrad/toy/markup.h>

#include <fmt/format.h>

#include <algorithm>

namespace taskgrad::toy {
namespace {

constexpr std::string_view kStyle =
    R"(.figure{font:13px "DejaVu Sans",Verdana,Arial,sans-serif}
.figure text{fill:#30343b}
.figure .title{font-size:14px;font-weight:bold;fill:#15181d}
.figure .label{fill:#15181d}
.figure .ground{fill:#fff}
.figure .grid{stroke:#e2e5e9;fill:none}
.figure .axis{stroke:#7b828c;fill:none}
.figure .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.figure .band{opacity:.17}
.figure .dot{opacity:.75}
.figure .cell{stroke:#fff;stroke-width:.6}
.figure .unknown{fill:#b9bec6}
.figure text.on-dark{fill:#fff}
.figure text.on-light{fill:#15181d}
.figure .s0{stroke:#0072b2}.figure .f0{fill:#0072b2}
.figure .s1{stroke:#d55e00}.figure .f1{fill:#d55e00}
.figure .s2{stroke:#009e73}.figure .f2{fill:#009e73}
.figure .s3{stroke:#cc79a7}.figure .f3{fill:#cc79a7}
.figure .s4{stroke:#e69f00}.figure .f4{fill:#e69f00}
.figure .s5{stroke:#56b4e9}.figure .f5{fill:#56b4e9}
.figure .s6{stroke:#15181d}.figure .f6{fill:#15181d}
.figure .d1{stroke-dasharray:8 4}
.figure .d2{stroke-dasharray:2 4}
.figure .d3{stroke-dasharray:10 4 2 4}
.figure .d4{stroke-dasharray:4 4}
.figure .reference{stroke-dasharray:.1 3.5;stroke-width:1.6}
@media screen and (prefers-color-scheme:dark){
.figure text{fill:#c3c8d0}
.figure .title,.figure .label{fill:#eceef1}
.figure .ground{fill:#16191f}
.figure .grid{stroke:#2c313a}
.figure .axis{stroke:#868e9a}
.figure .band{opacity:.26}
.figure .cell{stroke:#16191f}
.figure .s0{stroke:#3f9fdc}.figure .f0{fill:#3f9fdc}
.figure .s1{stroke:#f0802f}.figure .f1{fill:#f0802f}
.figure .s2{stroke:#1fbf90}.figure .f2{fill:#1fbf90}
.figure .s5{stroke:#9bd5f7}.figure .f5{fill:#9bd5f7}
.figure .s6{stroke:#eceef1}.figure .f6{fill:#eceef1}
}
)";

constexpr double kTitleLine = 19;
constexpr std::size_t kTitleCharacters = 48;

void check_name(const Figure& figure) {
  if (!figure.name.empty() && slug(figure.name) == figure.name) return;
  fail<ConfigError>("figure: a name must be of lower-case letters, digits and '-': {:?}",
                    figure.name);
}

std::string csv(const Chart& chart) {
  std::string text =
      fmt::format("series,{},{},low,high\n", csv_cell(chart.x.label), csv_cell(chart.y.label));
  for (const Series& series : chart.series) {
    const bool band = !series.low.empty();
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      text += fmt::format("{},{},{},{},{}\n", csv_cell(series.label), csv_number(series.x[i]),
                          csv_number(series.y[i]), band ? csv_number(series.low[i]) : "",
                          band ? csv_number(series.high[i]) : "");
    }
  }
  return text;
}

std::string csv(const HeatMap& map) {
  std::string text = fmt::format("tile,row,column,{}\n", csv_cell(map.quantity));
  for (const Tile& tile : map.tiles) {
    for (std::size_t i = 0; i < tile.values.size(); ++i) {
      text += fmt::format("{},{},{},{}\n", csv_cell(tile.title),
                          csv_cell(map.names[i / map.names.size()]),
                          csv_cell(map.names[i % map.names.size()]), csv_number(tile.values[i]));
    }
  }
  return text;
}

Drawing draw(const Figure& figure) {
  check_name(figure);
  return std::visit([&](const auto& content) { return draw(content, figure.name); },
                    figure.content);
}

}  // namespace

std::string_view figure_style() { return kStyle; }

std::string to_svg(const Figure& figure, Place place) {
  const Drawing drawing = draw(figure);
  std::string title;
  double top = 4;
  for (const std::string& line : wrap(figure.title, kTitleCharacters)) {
    top += kTitleLine;
    title +=
        fmt::format("<text class=\"title\" x=\"2\" y=\"{:g}\">{}</text>\n", top - 5, escape(line));
  }
  top += 6;
  const double height = top + drawing.height + 4;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" role=\"img\" id=\"{0}\" "
      "viewBox=\"0 0 {1:g} {2:.0f}\" {3}aria-labelledby=\"{0}-title {0}-text\">\n"
      "<title id=\"{0}-title\">{4}</title>\n<desc id=\"{0}-text\">{5}</desc>\n",
      figure.name, kFigureWidth, height,
      place == Place::alone ? fmt::format("width=\"{:g}\" height=\"{:.0f}\" ", kFigureWidth, height)
                            : "",
      escape(figure.title), escape(figure.description));
  if (place == Place::alone) text += fmt::format("<style>\n{}</style>\n", kStyle);
  text += "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n";
  return text + title +
         fmt::format("<g transform=\"translate(0 {:g})\">\n{}</g>\n</svg>\n", top, drawing.body);
}

std::string to_csv(const Figure& figure) {
  draw(figure);  // for what it refuses
  return std::visit([](const auto& content) { return csv(content); }, figure.content);
}

}  // namespace taskgrad::toy
