#include <taskgrad/core/fail.h>
#include <taskgrad/core/version.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/page.h>

#include <fmt/format.h>

#include <filesystem>
#include <set>

namespace taskgrad::toy {
namespace {

constexpr std::string_view kStyle = R"(:root{color-scheme:light dark;
--ink:#15181d;--soft:#565d68;--paper:#fff;--shade:#f3f5f7;--edge:#d9dde3;--mark:#0072b2}
@media screen and (prefers-color-scheme:dark){:root{
--ink:#eceef1;--soft:#a4acb8;--paper:#16191f;--shade:#1f242c;--edge:#333a45;--mark:#6cb8ec}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:70rem;color:var(--ink);background:var(--paper);
font:1rem/1.55 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.25rem;margin:2.6rem 0 .8rem;padding-top:.8rem;border-top:1px solid var(--edge)}
p,ul,dl{max-width:46rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:1rem 0;list-style:none}
a{color:var(--mark)}
.lead,figcaption,caption,footer{color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
.remarks li{margin:.6rem 0}.remarks b{font-weight:600}
pre{background:var(--shade);border:1px solid var(--edge);border-radius:4px;padding:.7rem .9rem;
white-space:pre-wrap;overflow-wrap:anywhere;font:.875rem/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
code{white-space:nowrap;font:.9em ui-monospace,"DejaVu Sans Mono",monospace}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9375rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.4rem}
th,td{padding:.3rem .8rem;border-bottom:1px solid var(--edge);text-align:right;white-space:nowrap}
th{font-weight:600}thead th{border-bottom:2px solid var(--edge)}
.name{text-align:left}th:first-child,td:first-child{padding-left:0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));
gap:2rem 1.6rem;margin:1.2rem 0;align-items:start}
figure{margin:0;max-width:36rem}svg.figure{display:block;width:100%;height:auto}
figcaption{font-size:.875rem;line-height:1.45;margin-top:.4rem}
footer{margin-top:3rem;font-size:.875rem}
@media (max-width:32rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
@media print{@page{margin:14mm}html{font-size:9.5pt}body{max-width:none;padding:0}nav{display:none}
h2{break-after:avoid}figure,tr,li{break-inside:avoid}.scroll{overflow:visible}
.figures{grid-template-columns:1fr 1fr}table{font-size:8.5pt}th,td{padding:.15rem .4rem}}
)";

std::string html(const Paragraph& paragraph) {
  return fmt::format("<p>{}</p>\n", escape(paragraph.text));
}

/// Words such as --steps in one piece.
std::string with_options(std::string_view text) {
  std::string marked;
  for (std::size_t at = text.find("--"); at != text.npos; at = text.find("--")) {
    const std::size_t end = text.find_first_not_of("-abcdefghijklmnopqrstuvwxyz", at);
    const std::string_view option = text.substr(at, end - at);
    marked += fmt::format("{}<code>{}</code>", text.substr(0, at), option);
    text.remove_prefix(at + option.size());
  }
  return marked.append(text);
}

std::string html(const Remarks& remarks) {
  std::string text = "<ul class=\"remarks\">\n";
  for (const auto& [claim, advice] : remarks.items) {
    text += fmt::format("<li><b>{}</b> {}</li>\n", escape(claim), with_options(escape(advice)));
  }
  return text + "</ul>\n";
}

std::string html(const Facts& facts) {
  std::string text = "<dl>\n";
  for (const auto& [name, value] : facts.rows) {
    text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
  }
  return text + "</dl>\n";
}

std::string html(const Listing& listing) {
  return fmt::format("<pre>{}</pre>\n", escape(listing.text));
}

std::string html(const Table& table) {
  const auto class_of = [&](std::size_t column) {
    return column < table.names ? " class=\"name\"" : "";
  };
  std::string text = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">\n"
      "<table>\n<caption>{0}</caption>\n<thead><tr>",
      escape(table.caption));
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    text += fmt::format("<th scope=\"col\"{}>{}</th>", class_of(i), escape(table.header[i]));
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? fmt::format("<th scope=\"row\" class=\"name\">{}</th>", escape(row[i]))
                     : fmt::format("<td{}>{}</td>", class_of(i), escape(row[i]));
    }
    text += "</tr>\n";
  }
  return text + "</tbody>\n</table>\n</div>\n";
}

std::string html(const Figure& figure) {
  return fmt::format(
      "<figure>\n{}<figcaption>{} Numbers: figures/{}.csv.</figcaption>\n</figure>\n",
      to_svg(figure, Place::page), escape(figure.description), figure.name);
}

/// Figures that follow each other stand side by side where there is room.
std::string html(const Section& section, const std::string& id) {
  std::string text = fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", id, escape(section.title));
  bool side_by_side = false;
  for (const Block& block : section.blocks) {
    const bool figure = std::holds_alternative<Figure>(block);
    if (figure != side_by_side) text += figure ? "<div class=\"figures\">\n" : "</div>\n";
    side_by_side = figure;
    text += std::visit([](const auto& part) { return html(part); }, block);
  }
  return text + (side_by_side ? "</div>\n</section>\n" : "</section>\n");
}

std::vector<const Figure*> figures_of(const Page& page) {
  std::vector<const Figure*> figures;
  std::set<std::string_view> names;
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      const auto* figure = std::get_if<Figure>(&block);
      if (figure == nullptr) continue;
      if (!names.insert(figure->name).second) {
        fail<ConfigError>("page: figures must have names of their own: two are {:?}", figure->name);
      }
      figures.push_back(figure);
    }
  }
  return figures;
}

/// What links to the sections name; titles may be alike, or be the name of a figure.
std::vector<std::string> section_ids(const Page& page) {
  std::set<std::string> taken;
  for (const Figure* figure : figures_of(page)) taken.insert(figure->name);
  std::vector<std::string> ids;
  for (const Section& section : page.sections) ids.push_back(unlike(taken, slug(section.title)));
  return ids;
}

std::filesystem::path report_file(const std::filesystem::path& directory) {
  return directory / "report.html";
}

std::filesystem::path figures_directory(const std::filesystem::path& directory) {
  return directory / "figures";
}

bool has_report(const std::filesystem::path& directory) {
  std::error_code unknown;
  return std::filesystem::exists(report_file(directory), unknown) ||
         std::filesystem::exists(figures_directory(directory), unknown);
}

}  // namespace

std::string to_html(const Page& page) {
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>\n"
      "<p class=\"lead\">{}</p>\n</header>\n<nav aria-label=\"Contents\"><ul>\n",
      escape(page.title), kStyle, figure_style(), escape(page.title), escape(page.lead));
  const std::vector<std::string> ids = section_ids(page);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    text +=
        fmt::format("<li><a href=\"#{}\">{}</a></li>\n", ids[i], escape(page.sections[i].title));
  }
  text += "</ul></nav>\n<main>\n";
  for (std::size_t i = 0; i < ids.size(); ++i) text += html(page.sections[i], ids[i]);
  return text + fmt::format("</main>\n<footer>Written by taskgrad {}.</footer>\n</body>\n</html>\n",
                            kVersion);
}

void refuse_report(const std::string& directory) {
  if (has_report(directory)) {
    fail<ConfigError>("--out: a report is never overwritten: {} has one [choose another directory]",
                      directory);
  }
}

void write_report(const std::string& directory, const Page& page, Existing existing) {
  if (existing == Existing::refuse && has_report(directory)) {
    fail<IoError>("{}: a report is never overwritten: one is there", directory);
  }
  const std::vector<const Figure*> figures = figures_of(page);
  const std::string text = to_html(page);
  const std::filesystem::path folder = figures_directory(directory);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail<IoError>("{}: could not be made: {}", folder.string(), error.message());
  for (const Figure* figure : figures) {
    replace_file(folder / (figure->name + ".svg"), to_svg(*figure));
    replace_file(folder / (figure->name + ".csv"), to_csv(*figure));
  }
  replace_file(report_file(directory), text);
}

}  // namespace taskgrad::toy
