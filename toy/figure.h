// Figures: what is drawn, its picture as SVG, and its numbers as CSV.
//
// Pictures are 440 units wide, so that their text can be read at the width of a phone; colours are
// those that the colour-blind tell apart (Okabe and Ito, 2008), each with dashes of its own.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskgrad::toy {

struct Axis {
  std::string label;  ///< with its unit
  bool log = false;   ///< leaves out what is not positive
};

/// Lines; thin dotted lines to compare with; or points without a line.
enum class Mark { line, reference, dots };

/// What is not finite is left out and breaks the line.
struct Series {
  std::string label;
  std::vector<double> x = {};
  std::vector<double> y = {};
  std::vector<double> low = {};   ///< of a band around the line; empty for none
  std::vector<double> high = {};  ///< as long as `low`
  Mark mark = Mark::line;
  int style = 0;  ///< colour and dashes; a reference has those of its line
};

struct Chart {
  Axis x = {};
  Axis y = {};
  std::vector<Series> series = {};
};

/// One square of a map, row by row.
struct Tile {
  std::string title;
  std::vector<double> values = {};
};

/// Square matrices over the same names, coloured from `low` (red) by 0 (white) to `high` (blue).
struct HeatMap {
  std::string quantity;                 ///< what the colours mean
  std::vector<std::string> names = {};  ///< of rows and of columns
  std::vector<Tile> tiles = {};
  double low = -1;
  double high = 1;
};

struct Figure {
  std::string name;         ///< of its files: lower-case letters, digits and '-'
  std::string title;        ///< above the picture
  std::string description;  ///< what is to be seen: below the picture, and for who cannot see it
  std::variant<Chart, HeatMap> content = {};
};

/// A picture by itself brings its style; in a page it takes figure_style() of the page.
enum class Place { alone, page };

/// Both throw ConfigError for a name that no file should have, or lists of unequal lengths.
std::string to_svg(const Figure& figure, Place place = Place::alone);
/// One line a point: series,x,y,low,high under the labels of the axes; or tile,row,column,value.
/// Numbers read back to the same bits; what is not finite is empty.
std::string to_csv(const Figure& figure);

/// CSS of the pictures, for light and for dark screens; paper is light.
std::string_view figure_style();

}  // namespace taskgrad::toy
