// A reader that trusts a length, for tests/fuzz/run.sh to see that the fuzzer finds what it should.
#include <taskgrad/core/memory.h>

#include <cstdint>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || data[0] != 'T') return 0;
  const std::size_t length = data[1];  // as if the file had as many bytes as it says
  taskgrad::List<std::uint8_t> content(length);
  if (length != 0) std::memcpy(content.data(), data + 2, length);
  return 0;
}
