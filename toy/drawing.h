// The inside of a picture, by kind of figure; to_svg() puts title, text and style around it.
#pragma once

#include <taskgrad/toy/figure.h>

#include <string>

namespace taskgrad::toy {

inline constexpr double kFigureWidth = 440;
inline constexpr int kColors = 7;  ///< s0 .. s6 of figure_style()
inline constexpr int kDashes = 5;  ///< d0 .. d4; 35 styles differ, as 7 and 5 share no factor

struct Drawing {
  std::string body;
  double height = 0;
};

/// Both throw ConfigError for lists of unequal lengths; `name` is that of the figure.
Drawing draw(const Chart& chart, const std::string& name);
Drawing draw(const HeatMap& map, const std::string& name);

}  // namespace taskgrad::toy
