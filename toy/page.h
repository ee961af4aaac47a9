// A page of a study: a title over sections of text, tables and figures, as one HTML file that needs
// no network and no script. Any study can make one of its own parts.
#pragma once

#include <taskgrad/toy/figure.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace taskgrad::toy {

struct Paragraph {
  std::string text;
};

/// Each a claim, and what follows from it.
struct Remarks {
  std::vector<std::pair<std::string, std::string>> items = {};
};

/// Names and their values.
struct Facts {
  std::vector<std::pair<std::string, std::string>> rows = {};
};

/// As it is, in letters of one width.
struct Listing {
  std::string text;
};

/// The first `names` columns stand left, the others, numbers, right.
struct Table {
  std::string caption;
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
  std::size_t names = 1;
};

using Block = std::variant<Paragraph, Remarks, Facts, Listing, Table, Figure>;

struct Section {
  std::string title;
  std::vector<Block> blocks = {};
};

struct Page {
  std::string title;
  std::string lead;
  std::vector<Section> sections = {};
};

/// All text is escaped: it may be anything. Throws ConfigError as to_svg() does, and when two
/// figures have one name.
std::string to_html(const Page& page);

/// Throws ConfigError, before anything is trained, for a directory that has a report already.
void refuse_report(const std::string& directory);

/// What becomes of a report that is there: only the run that wrote it may replace it.
enum class Existing { refuse, replace };

/// Writes DIR/figures/NAME.svg and NAME.csv for every figure, then DIR/report.html. Each file is
/// written aside and renamed, so that none is ever half there. Throws ConfigError when two figures
/// have one name, and IoError when a file cannot be written or a report is there that must not be
/// replaced.
void write_report(const std::string& directory, const Page& page,
                  Existing existing = Existing::refuse);

}  // namespace taskgrad::toy
