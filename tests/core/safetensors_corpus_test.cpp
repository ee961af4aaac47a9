// Whatever the fuzzer once found worth keeping is read again by every run of the tests.
#include <doctest/doctest.h>

#include "../fuzz/safetensors_property.h"
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace taskgrad {
namespace {

TEST_CASE("safetensors: the kept corpus of the fuzzer") {
  int good = 0;
  int malformed = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(TASKGRAD_CORPUS_DIR "/safetensors")) {
    CAPTURE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const fuzz::Outcome outcome = fuzz::read_safetensors(bytes);
    CHECK(outcome.broken == "");
    ++(outcome.loaded ? good : malformed);
  }
  CHECK(good >= 8);
  CHECK(malformed >= 20);
}

}  // namespace
}  // namespace taskgrad
