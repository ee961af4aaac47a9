// Rows of text cells, aligned.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace taskgrad::toy {

using Row = std::vector<std::string>;

/// Lines with columns made equally wide; the first two stand left, the others right.
std::vector<std::string> align(const std::vector<Row>& rows);

/// Length of the longest line.
std::size_t longest(const std::vector<std::string>& lines);

/// Each row with the cells [begin, end) of the same row of `more` behind it.
std::vector<Row> with_cells(std::vector<Row> rows, const std::vector<Row>& more, std::size_t begin,
                            std::size_t end);

}  // namespace taskgrad::toy
