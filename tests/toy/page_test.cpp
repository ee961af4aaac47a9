#include <taskgrad/core/error.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/page.h>

#include <doctest/doctest.h>

#include "disk.h"
#include <filesystem>
#include <string>

namespace taskgrad::toy {
namespace {

using test::FullDisk;
using test::TemporaryDirectory;

Figure figure(const std::string& name) {
  return {.name = name,
          .title = "Title of " + name,
          .description = "Description.",
          .content = Chart{{"step"}, {"loss"}, {{.label = "one", .x = {0, 1}, .y = {1, 2}}}}};
}

Page page() {
  return {
      "A <title>",
      "A lead & more.",
      {{"First \"part\"", {Paragraph{"x < y"}, figure("one"), figure("two"), Paragraph{"after"}}},
       {"Numbers",
        {Facts{{{"steps", "<40>"}}}, Listing{"a && b"},
         Remarks{{{"Claim <1>.", "Try <2>, --weight-lr, or --steps."}}},
         Table{"Caption <3>", {"method", "metric"}, {{"<equal>", "1.5"}}, 1}}}}};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("to_html: one file that needs nothing else") {
  const std::string html = to_html(page());
  CHECK(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK(html.ends_with("</html>\n"));
  CHECK(has(html, "<meta charset=\"utf-8\">"));
  CHECK(has(html, "name=\"viewport\" content=\"width=device-width,initial-scale=1\""));
  CHECK(has(html, "default-src 'none'; style-src 'unsafe-inline'"));
  CHECK(has(html, "prefers-color-scheme:dark"));
  CHECK(has(html, "@media print"));
  for (const char* part : {"<script", "src=", "url(", "@import", "<link", "href=\"http"}) {
    CAPTURE(part);
    CHECK_FALSE(has(html, part));
  }
}

TEST_CASE("to_html: sections of one title have places of their own, and links to each") {
  const std::string html = to_html(
      {"Page", "", {{"Figures", {figure("figures-3")}}, {"Figures", {}}, {"Figures!", {}}}});
  for (const char* id : {"figures", "figures-2", "figures-4"}) {
    CAPTURE(id);
    CHECK(has(html, std::string("<a href=\"#") + id + "\">Figures"));
    CHECK(has(html, std::string("<section id=\"") + id + "\">\n<h2>Figures"));
  }
}

TEST_CASE("to_html: every kind of part, all of its text escaped") {
  const std::string html = to_html(page());
  for (const char* part :
       {"<h1>A &lt;title&gt;</h1>", "<p class=\"lead\">A lead &amp; more.</p>",
        "<a href=\"#first-part\">First &quot;part&quot;</a>", "<section id=\"first-part\">",
        "<p>x &lt; y</p>", "<dt>steps</dt><dd>&lt;40&gt;</dd>", "<pre>a &amp;&amp; b</pre>",
        "<li><b>Claim &lt;1&gt;.</b> Try &lt;2&gt;, <code>--weight-lr</code>, or "
        "<code>--steps</code>.</li>",
        "<caption>Caption &lt;3&gt;</caption>",
        "<th scope=\"col\" class=\"name\">method</th><th scope=\"col\">metric</th>",
        "<th scope=\"row\" class=\"name\">&lt;equal&gt;</th><td>1.5</td>"}) {
    CAPTURE(part);
    CHECK(has(html, part));
  }
  CHECK_FALSE(has(html, "<40>"));
  CHECK_FALSE(has(html, "<equal>"));
}

TEST_CASE("to_html: figures that follow each other share a row") {
  const std::string html = to_html(page());
  const std::size_t row = html.find("<div class=\"figures\">");
  REQUIRE(row != std::string::npos);
  CHECK(html.find("<div class=\"figures\">", row + 1) == std::string::npos);
  CHECK(html.find("id=\"one\"") > row);
  const std::size_t second = html.find("id=\"two\"");
  CHECK(html.find("</div>", row) > second);
  CHECK(has(html, "<figcaption>Description. Numbers: figures/two.csv.</figcaption>"));
}

TEST_CASE("write_report: the page, and picture and numbers of each figure") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "new/inner";
  write_report(directory, page());
  CHECK(read_file(directory + "/report.html") == to_html(page()));
  CHECK(read_file(directory + "/figures/two.svg") == to_svg(figure("two")));
  CHECK(read_file(directory + "/figures/two.csv") == to_csv(figure("two")));
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files == 5);  // none is left aside
}

TEST_CASE("write_report: a report that is there stays, unless it is to be replaced") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "run";
  CHECK_NOTHROW(refuse_report(directory));
  write_report(directory, page());
  Page other = page();
  other.title = "Another";
  CHECK_THROWS_WITH_AS(write_report(directory, other),
                       (directory + ": a report is never overwritten: one is there").c_str(),
                       IoError);
  CHECK_THROWS_WITH_AS(
      refuse_report(directory),
      ("--out: a report is never overwritten: " + directory + " has one [choose another directory]")
          .c_str(),
      ConfigError);
  CHECK(read_file(directory + "/report.html") == to_html(page()));
  write_report(directory, other, Existing::replace);
  CHECK(read_file(directory + "/report.html") == to_html(other));

  // Figures without their page are somebody's as well.
  std::filesystem::remove(directory + "/report.html");
  CHECK_THROWS_AS(write_report(directory, other), IoError);
}

TEST_CASE("write_report: what cannot be written is an IoError, and nothing is left half done") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "full";
  std::string text = "nothing was thrown";
  {
    const FullDisk full;
    try {
      write_report(directory, page());
    } catch (const IoError& error) {
      text = error.what();
    }
  }
  CHECK(text == directory + "/figures/one.svg: could not be written: File too large");
  CHECK(std::filesystem::is_empty(directory + "/figures"));
  CHECK_THROWS_WITH_AS(write_report("/proc/self", page()),
                       "/proc/self/figures: could not be made: No such file or directory", IoError);
  CHECK_THROWS_WITH_AS(read_file(directory + "/none"),
                       (directory + "/none: could not be read: No such file or directory").c_str(),
                       IoError);
}

TEST_CASE("write_report: two figures of one name are refused before anything is written") {
  const TemporaryDirectory temporary;
  const std::string directory = temporary / "twins";
  Page twins = page();
  twins.sections[1].blocks.push_back(figure("one"));
  CHECK_THROWS_WITH_AS(write_report(directory, twins),
                       "page: figures must have names of their own: two are \"one\"", ConfigError);
  CHECK_FALSE(std::filesystem::exists(directory));
}

}  // namespace
}  // namespace taskgrad::toy
