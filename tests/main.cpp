#define DOCTEST_CONFIG_IMPLEMENT
#include <taskgrad/core/parallel.h>

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  taskgrad::set_parallel_cost(
      taskgrad::kParallelCost);  // several threads, however busy the machine
  return doctest::Context(argc, argv).run();
}
