#include <taskgrad/core/error.h>

#include <cstdio>
#include <cstdlib>

namespace taskgrad::internal {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "taskgrad: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace taskgrad::internal
