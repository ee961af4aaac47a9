// Training steps for callgrind to count the instructions of; see instructions.py.
//   instruction_cost PATH STEPS
#include <taskgrad/core/parallel.h>

#include "training.h"
#include <cstdlib>
#include <string_view>

int main(int count, char** arguments) {
  using namespace taskgrad;
  if (count != 3) return 1;
  set_threads(1);
  const std::string_view path = arguments[1];
  if (path != "second_order" && path != "closed_form") return 1;
  // So small that what is not arithmetic counts as well.
  test::Training training(
      DType::f32, path == "second_order" ? GradNormPath::second_order : GradNormPath::closed_form,
      {.batch = 8, .inputs = 50, .width = 50, .outputs = 50});
  training.run(std::atoi(arguments[2]));
  return 0;
}
