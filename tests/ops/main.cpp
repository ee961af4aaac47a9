// The tests of the op table, and two things besides:
//   op_tests --write-samples FILE            what tests/reference/make.py reads
//   op_tests --page FILE --expect FILE       runs everything, writes docs/ops.md anew as the first
//                                            and fails unless the second is like it but for numbers
#define DOCTEST_CONFIG_IMPLEMENT
#include <taskgrad/core/parallel.h>

#include <doctest/doctest.h>

#include "ledger.h"
#include "reference.h"
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

std::string option(int argc, char** argv, const std::string& name) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (argv[i] == name) return argv[i + 1];
  }
  return "";
}

// Whether the committed page has the rows and cells of this run.
int write_page(const std::string& path, const std::string& expected_path) {
  const std::string page = taskgrad::test::page();
  std::ofstream(path) << page;
  std::ifstream file(expected_path);
  const std::string expected{std::istreambuf_iterator<char>(file), {}};
  using taskgrad::test::without_numbers;
  if (without_numbers(page) == without_numbers(expected)) return 0;
  std::cerr << expected_path << " is not what the tests say: cp " << path << " " << expected_path
            << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string samples = option(argc, argv, "--write-samples");
    if (!samples.empty()) {
      taskgrad::test::write_samples(samples);
      return 0;
    }
    // The same laws' samples every time; RC_PARAMS="" draws others.
    setenv("RC_PARAMS", "seed=1711022577 max_success=40", 0);
    taskgrad::set_parallel_cost(taskgrad::kParallelCost);  // however busy the machine is
    doctest::Context context(argc, argv);
    const int failed = context.run();
    const std::string page = option(argc, argv, "--page");
    if (failed != 0 || page.empty()) return failed;
    return write_page(page, option(argc, argv, "--expect"));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
