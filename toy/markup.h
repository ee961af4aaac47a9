// Text of other people's making, made harmless in HTML, SVG and CSV.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace taskgrad::toy {

/// For text and quoted attributes of HTML and XML: & < > " ' as entities, control characters as
/// spaces.
std::string escape(std::string_view text);

/// One cell of CSV, in quotes where it must be (RFC 4180).
std::string csv_cell(std::string_view text);

/// The shortest digits that read back to the same bits; empty for what is not finite.
std::string csv_number(double value);

/// Characters of UTF-8 text, not bytes.
std::size_t characters(std::string_view text);

/// Lines of at most `width` characters, broken at spaces; a longer word stands alone.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// In lower case, with '-' for each run of what is no letter or digit: the name of a file.
std::string slug(std::string_view text);

/// `name`, or with a number behind it one that is not among the others; from now on it is. "alpha
/// 0.5" and "alpha -0.5" have one slug.
std::string unlike(std::set<std::string>& names, const std::string& name);

}  // namespace taskgrad::toy
