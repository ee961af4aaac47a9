#include "safetensors_property.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const taskgrad::fuzz::Outcome outcome = taskgrad::fuzz::read_safetensors(bytes);
  if (outcome.broken.empty()) return 0;
  std::fprintf(stderr, "broken: %s\n", outcome.broken.c_str());
  std::abort();
}
