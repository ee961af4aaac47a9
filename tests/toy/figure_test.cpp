#include <taskgrad/core/error.h>
#include <taskgrad/toy/figure.h>
#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/scale.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace taskgrad::toy {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const Tick& tick : ticks) labels.push_back(tick.label);
  return labels;
}

Figure chart(std::vector<Series> series, bool log = false) {
  return {.name = "a-chart",
          .title = "Title",
          .description = "What is to be seen.",
          .content = Chart{{"step"}, {"loss", log}, std::move(series)}};
}

Figure map(std::vector<Tile> tiles) {
  return {.name = "a-map",
          .title = "Title",
          .description = "What is to be seen.",
          .content = HeatMap{"cosine", {"1", "10"}, std::move(tiles)}};
}

TEST_CASE("Scale: ticks at round numbers within the numbers shown") {
  CHECK(labels(Scale({0, 4000}, false).ticks(5)) ==
        std::vector<std::string>{"0", "1000", "2000", "3000", "4000"});
  CHECK(labels(Scale({0.31, 0.52}, false).ticks(5)) ==
        std::vector<std::string>{"0.35", "0.4", "0.45", "0.5"});
  CHECK(labels(Scale({2e-4, 2}, true).ticks(6)) ==
        std::vector<std::string>{"0.001", "0.01", "0.1", "1"});
  for (const bool log : {false, true}) {
    for (const double low : {1e-9, 0.02, 1.0, 7e5}) {
      for (const double ratio : {1.001, 1.5, 4.0, 30.0, 1e4, 1e12}) {
        CAPTURE(log);
        CAPTURE(low);
        CAPTURE(ratio);
        const Scale scale({low, kNan, low * ratio}, log);
        const std::vector<Tick> ticks = scale.ticks(6);
        CHECK(ticks.size() >= 2);
        CHECK(ticks.size() <= 8);
        for (const Tick& tick : ticks) {
          CHECK(scale.place(tick.value) >= 0);
          CHECK(scale.place(tick.value) <= 1);
        }
        const auto names = labels(ticks);
        CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
      }
    }
  }
}

TEST_CASE("Scale: nothing, one number, and what a logarithm has no place for") {
  CHECK(Scale({}, false).ticks(5).size() >= 2);
  CHECK(Scale({3, 3}, false).place(3) == doctest::Approx(0.5));
  CHECK(Scale({3, 3}, true).place(3) == doctest::Approx(0.5));
  CHECK(Scale({-2, 0, 1, 100}, true).low() > 0.5);
  CHECK_FALSE(Scale({1}, true).shows(0));
  CHECK_FALSE(Scale({1}, false).shows(HUGE_VAL));
  CHECK(Scale({1}, false).shows(0));
  CHECK(tick_label(1e-6) == "10⁻⁶");
  CHECK(tick_label(-2e7) == "-2·10⁷");
  CHECK(tick_label(0) == "0");
}

TEST_CASE("to_svg: a chart has a curve a series, its labels, and a text for who cannot see it") {
  const std::string svg = to_svg(chart({{.label = "equal", .x = {0, 10, 20}, .y = {2, 1.5, 1.2}},
                                        {.label = "gradnorm",
                                         .x = {0, 10, 20},
                                         .y = {2, 1.4, 1},
                                         .low = {2, 1.3, 0.9},
                                         .high = {2, 1.5, 1.1},
                                         .style = 1}}));
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(svg.find("role=\"img\"") != std::string::npos);
  CHECK(svg.find("<title id=\"a-chart-title\">Title</title>") != std::string::npos);
  CHECK(svg.find("<desc id=\"a-chart-text\">What is to be seen.</desc>") != std::string::npos);
  CHECK(svg.find("aria-labelledby=\"a-chart-title a-chart-text\"") != std::string::npos);
  CHECK(count(svg, "<g class=\"series\"") == 2);
  CHECK(count(svg, "<path class=\"line s0 d0\"") == 2);  // and one of the legend
  CHECK(count(svg, "<path class=\"line s1 d1\"") == 2);
  CHECK(count(svg, "<path class=\"band f1\"") == 2);
  for (const char* text : {">equal<", ">gradnorm<", ">step<", ">loss<"}) {
    CHECK(svg.find(text) != std::string::npos);
  }
}

TEST_CASE("to_svg: alone it brings its style, in a page it does not") {
  const Figure figure = chart({{.label = "one", .x = {0, 1}, .y = {1, 2}}});
  const std::string alone = to_svg(figure);
  const std::string in_page = to_svg(figure, Place::page);
  CHECK(count(alone, "<style>") == 1);
  CHECK(alone.find("prefers-color-scheme:dark") != std::string::npos);
  CHECK(alone.find(" width=\"440\" height=\"") != std::string::npos);
  CHECK(count(in_page, "<style>") == 0);
  CHECK(in_page.find(" width=\"440\" height=\"") == std::string::npos);
  CHECK(figure_style().find("#0072b2") != std::string::npos);
}

TEST_CASE("to_svg: colours and dashes tell 35 lines apart") {
  std::vector<Series> series;
  for (int style = 0; style < 35; ++style) {
    series.push_back({.label = "x", .x = {0, 1}, .y = {1, 2}, .style = style});
  }
  const std::string svg = to_svg(chart(series));
  std::set<std::string> classes;
  for (std::size_t at = svg.find("\"line "); at != std::string::npos;
       at = svg.find("\"line ", at + 1)) {
    classes.insert(svg.substr(at, svg.find('"', at + 1) - at));
  }
  CHECK(classes.size() == 35);
}

TEST_CASE("to_svg: what is not finite breaks the line, a point alone is a dot") {
  const Figure gap =
      chart({{.label = "gap", .x = {0, 1, 2, 3, 4}, .y = {1, 2, kNan, HUGE_VAL, 3}}});
  CHECK(count(to_svg(gap), "<path class=\"line s0 d0\"") == 3);
  CHECK(to_svg(gap).find("h0\"") != std::string::npos);
  CHECK(to_svg(gap).find("nan") == std::string::npos);
  CHECK(to_svg(gap).find("inf") == std::string::npos);
  const Figure log = chart({{.label = "log", .x = {0, 1, 2}, .y = {1, 0, 3}}}, true);
  CHECK(count(to_svg(log), "<path class=\"line s0 d0\"") == 3);
  CHECK(to_svg(log).find("loss (log scale)") != std::string::npos);
  CHECK(to_svg(chart({})).find("nan") == std::string::npos);
}

TEST_CASE("to_svg: dots have no line, references are dotted") {
  const std::string svg =
      to_svg(chart({{.label = "dots", .x = {0, 1, 2}, .y = {1, 2, 3}, .mark = Mark::dots},
                    {.label = "target", .x = {0, 2}, .y = {2, 2}, .mark = Mark::reference}}));
  CHECK(count(svg, "<path class=\"dot f0\"") == 4);
  CHECK(count(svg, "<path class=\"line s0 reference\"") == 2);
}

TEST_CASE("to_svg: ten thousand points are thinned out, the table keeps them") {
  Series series{.label = "long"};
  for (int i = 0; i < 10'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i);
  }
  const Figure figure = chart({series});
  CHECK(to_svg(figure).size() < 12'000);
  CHECK(count(to_csv(figure), "\n") == 10'001);
}

TEST_CASE("to_svg: a map has a square a pair, coloured from red by white to blue") {
  const std::string svg = to_svg(map({{"step 0", {1, -1, 0, kNan}}, {"step 9", {1, 1, 1, 1}}}));
  CHECK(count(svg, "<g class=\"tile\"") == 2);
  CHECK(count(svg, "<rect class=\"cell\"") == 7);
  CHECK(count(svg, "<rect class=\"cell unknown\"") == 1);
  CHECK(svg.find("fill=\"#b2182b\"><title>1, 10: -1.000</title>") != std::string::npos);
  CHECK(svg.find("fill=\"#f7f7f7\"><title>10, 1: 0.000</title>") != std::string::npos);
  CHECK(svg.find("fill=\"#2166ac\"><title>1, 1: 1.000</title>") != std::string::npos);
  CHECK(svg.find("<title>10, 10: none</title>") != std::string::npos);
}

TEST_CASE("to_svg: markup in a label is text") {
  const std::string svg = to_svg(chart({{.label = "<script>&\"'", .x = {0}, .y = {1}}}));
  CHECK(svg.find("<script>") == std::string::npos);
  CHECK(svg.find("&lt;script&gt;&amp;&quot;&#39;") != std::string::npos);
}

TEST_CASE("to_csv: every number, to the bit, under the labels of the axes") {
  CHECK(to_csv(chart({{.label = "a,\"b\"", .x = {0, 1}, .y = {0.1 + 0.2, kNan}},
                      {.label = "band", .x = {5}, .y = {2}, .low = {1}, .high = {3}}})) ==
        "series,step,loss,low,high\n"
        "\"a,\"\"b\"\"\",0,0.30000000000000004,,\n"
        "\"a,\"\"b\"\"\",1,,,\n"
        "band,5,2,1,3\n");
  CHECK(to_csv(map({{"step 0", {1, -1, 0.5, 1}}})) ==
        "tile,row,column,cosine\n"
        "step 0,1,1,1\nstep 0,1,10,-1\nstep 0,10,1,0.5\nstep 0,10,10,1\n");
}

TEST_CASE("figures refuse what cannot be drawn") {
  const Figure unequal = chart({{.label = "one", .x = {0, 1}, .y = {1}}});
  CHECK_THROWS_WITH_AS(to_svg(unequal),
                       "figure a-chart: x, y, low and high must have one length: 2, 1, 0, 0 in "
                       "\"one\"",
                       ConfigError);
  CHECK_THROWS_AS(to_csv(unequal), ConfigError);
  CHECK_THROWS_WITH_AS(to_csv(map({{"step 0", {1}}})),
                       "figure a-map: a tile must have a value for each pair of 2 names: 1 in "
                       "\"step 0\"",
                       ConfigError);
  Figure figure = chart({});
  for (const char* name : {"", "../up", "Upper", "a b", "-a"}) {
    figure.name = name;
    CHECK_THROWS_WITH_AS(to_svg(figure),
                         ("figure: a name must be of lower-case letters, digits and '-': \"" +
                          std::string(name) + '"')
                             .c_str(),
                         ConfigError);
  }
}

TEST_CASE("markup: escapes, cells, names and lines") {
  CHECK(escape("a<b>&\"c\"'\x01") == "a&lt;b&gt;&amp;&quot;c&quot;&#39; ");
  CHECK(csv_cell("plain") == "plain");
  CHECK(csv_cell("a\nb") == "\"a\nb\"");
  CHECK(slug("Figures, 10 tasks!") == "figures-10-tasks");
  CHECK(slug("alpha -0.5") == "alpha-0-5");
  CHECK(slug("σ") == "");
  CHECK(characters("σ = 1") == 5);
  CHECK(wrap("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrap("extraordinary", 3) == std::vector<std::string>{"extraordinary"});
  CHECK(wrap("", 3).empty());
}

}  // namespace
}  // namespace taskgrad::toy
