#include <taskgrad/core/error.h>
#include <taskgrad/core/fail.h>

#include <cstdio>
#include <cstdlib>

namespace taskgrad::internal {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "taskgrad: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

std::string failure(fmt::string_view text, fmt::format_args arguments) {
  return with_scope(formatted(text, arguments));
}

}  // namespace taskgrad::internal
