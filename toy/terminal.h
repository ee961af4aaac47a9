// What a terminal can show: whether to use it at all, and curves of braille dots.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgrad::toy {

/// Plain: ASCII lines, no escape codes. Rich: Unicode, colours and a line that is written over.
enum class Style { plain, rich };

/// Rich for a terminal, unless NO_COLOR is set and not empty, TERM is "dumb", or the locale is
/// set to one without UTF-8.
Style style_of(int file_descriptor);

/// Columns of the terminal; 80 where that is not known.
int columns_of(int file_descriptor);

/// Text in a colour of the palette, which the colour-blind can tell apart; or in bold.
std::string in_color(std::string_view text, std::size_t color);
std::string in_bold(std::string_view text);

struct Curve {
  std::string
      label;  ///< written at the curve's end, so that colour is not needed to tell them apart
  std::vector<std::pair<double, double>> points;  ///< by rising x; those not finite are left out
};

struct PlotOptions {
  std::string title = {};
  std::string x_label = "steps";
  bool log_y = false;  ///< leaves out what is not positive
  int columns = 56;
  int rows = 12;
};

/// Lines of text, of at most `columns` + 10 + the longest label characters each. Empty when there
/// is nothing to draw.
std::string plot(std::span<const Curve> curves, const PlotOptions& options);

}  // namespace taskgrad::toy
