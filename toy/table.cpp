#include <taskgrad/toy/table.h>

#include <fmt/format.h>

#include <algorithm>

namespace taskgrad::toy {

std::vector<std::string> align(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i < 2 ? fmt::format("{:<{}}", row[i], widths[i])
                    : fmt::format("  {:>{}}", row[i], widths[i]);
      if (i == 0) line += ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
  }
  return lines;
}

std::size_t longest(const std::vector<std::string>& lines) {
  std::size_t length = 0;
  for (const std::string& line : lines) length = std::max(length, line.size());
  return length;
}

std::vector<Row> with_cells(std::vector<Row> rows, const std::vector<Row>& more, std::size_t begin,
                            std::size_t end) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t cell = begin; cell < std::min(end, more[i].size()); ++cell) {
      rows[i].push_back(more[i][cell]);
    }
  }
  return rows;
}

}  // namespace taskgrad::toy
