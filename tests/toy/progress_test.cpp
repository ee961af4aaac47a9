#include <taskgrad/toy/markup.h>
#include <taskgrad/toy/progress.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace taskgrad::toy {
namespace {

TEST_CASE("ProgressReport: a line written over and removed, or plain lines now and then") {
  Progress progress{.runs_done = 1,
                    .runs = 4,
                    .steps_done = 25,
                    .steps = 100,
                    .fraction = 0.25,
                    .seconds = 30,
                    .seconds_left = 90};
  std::ostringstream rich;
  {
    ProgressReport report(rich, Style::rich);
    report(progress);
    CHECK(rich.str().starts_with("\r\x1b[K████░"));
    CHECK(rich.str().find(" 25 %  1 of 4 runs  25 of 100 steps  1:30 left") != std::string::npos);
    CHECK(rich.str().find('\n') == std::string::npos);
  }
  CHECK(rich.str().ends_with("\r\x1b[K"));

  std::ostringstream plain;
  ProgressReport report(plain, Style::plain);
  report(progress);
  CHECK(plain.str() == " 25 %  1 of 4 runs  25 of 100 steps  1:30 left\n");
  progress.seconds = 31;
  progress.fraction = 0.35;
  report(progress);  // too soon
  progress.seconds = 33;
  report(progress);
  progress.seconds = 60;
  report(progress);  // not another tenth
  progress.seconds = 100;
  progress.seconds_left = 4000;
  report(progress);
  const std::string text = plain.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.find("1:06:40 left") != std::string::npos);
}

TEST_CASE("ProgressReport: a later stage is announced at once, and every line says which it is") {
  const Progress begin{.runs = 101, .steps = 404000};
  Progress middle{.runs_done = 50,
                  .runs = 101,
                  .steps_done = 202000,
                  .steps = 404000,
                  .fraction = 0.5,
                  .seconds = 120,
                  .seconds_left = 36000};
  std::ostringstream first;
  ProgressReport(first, Style::plain, {1, 2})(begin);
  CHECK(first.str().empty());
  std::ostringstream second;
  ProgressReport report(second, Style::plain, {2, 2});
  report(begin);
  CHECK(second.str() == "stage 2 of 2    0 %  0 of 101 runs  0 of 404000 steps  ? left\n");
  report(begin);
  CHECK(second.str().find('\n') == second.str().size() - 1);
  report(middle);
  CHECK(second.str().ends_with(
      "\nstage 2 of 2   50 %  50 of 101 runs  202000 of 404000 steps  10:00:00 left\n"));
}

TEST_CASE("ProgressReport: with its stage, a line written over fits into 80 columns") {
  std::ostringstream rich;
  ProgressReport report(rich, Style::rich, {2, 2});
  report({.runs_done = 50,
          .runs = 101,
          .steps_done = 202000,
          .steps = 404000,
          .fraction = 0.5,
          .seconds = 120,
          .seconds_left = 3599});
  CHECK(rich.str() ==
        "\r\x1b[K██░░ stage 2 of 2   50 %  50 of 101 runs  202000 of 404000 steps  59:59 left");
  CHECK(characters(rich.str()) - 4 <= 80);
}

}  // namespace
}  // namespace taskgrad::toy
