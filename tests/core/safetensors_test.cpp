#include <taskgrad/core/memory.h>
#include <taskgrad/core/safetensors.h>

#include "testing.h"
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace taskgrad {
namespace {

namespace fs = std::filesystem;
using testing::layouts;
using testing::numbers;
using testing::range;
using testing::text_of;
using namespace std::string_literals;

std::string file_of(std::string_view header, std::string_view data = {}) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes.append(header).append(data);
}

StateDict decoded(std::string_view bytes) { return decode_safetensors(bytes, "f"); }

void check_equal(const StateDict& a, const StateDict& b) {
  CHECK(a.text == b.text);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& entry : a.tensors) {
    const std::string& name = entry.first;
    CAPTURE(name);
    REQUIRE(b.tensors.contains(name));
    CHECK(equal_bits(entry.second, b.tensors.at(name)));
  }
}

// Bits that arithmetic would not keep: NaNs with payloads, -0, subnormal numbers.
Tensor odd_bits() {
  Tensor x = Tensor::empty({5}, DType::f64);
  const std::uint64_t bits[] = {0x7ff800000000beef, 0x7ff0000000000001, 0xfff8000000000000,
                                0x8000000000000000, 0x0000000000000001};
  std::memcpy(x.mutable_data<double>(), bits, sizeof bits);
  return x;
}

Tensor odd_bits_f32() {
  Tensor x = Tensor::empty({3}, DType::f32);
  const std::uint32_t bits[] = {0x7fc0beef, 0x7f800001, 0x80000000};
  std::memcpy(x.mutable_data<float>(), bits, sizeof bits);
  return x;
}

StateDict everything() {
  StateDict state;
  state.tensors["odd"] = odd_bits();
  state.tensors["odd f32"] = odd_bits_f32();
  state.tensors["odd, repeated"] = odd_bits_f32().reshape({3, 1}).expand({3, 2});
  state.tensors["rank 0"] = Tensor::scalar(0.1, DType::f32);
  state.tensors["rank 6"] = numbers({1, 2, 1, 3, 1, 2}, DType::f64);
  state.tensors["empty"] = Tensor::zeros({2, 0, 3}, DType::f64);
  state.tensors["view"] = layouts(numbers({3, 4}, DType::f32))[1];
  state.tensors[""] = range({3});
  state.tensors["\"quoted\"\n\u00e4"] = range({1}, DType::f32);
  state.text["epoch"] = "12";
  state.text["line\n\"\u00fc\""] = "a\\b\tc";
  return state;
}

TEST_CASE("safetensors: a small file, byte for byte") {
  StateDict state;
  state.tensors["b"] = Tensor::from({2}, {1, -2}, DType::f32);
  state.tensors["a"] = Tensor::scalar(1.5, DType::f32);
  state.tensors["c"] = Tensor::scalar(0.5, DType::f64);
  state.text["k"] = "v";
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"data_offsets":[8,12],"dtype":"F32","shape":[]},)"
      R"("b":{"data_offsets":[12,20],"dtype":"F32","shape":[2]},)"
      R"("c":{"data_offsets":[0,8],"dtype":"F64","shape":[]}})";
  const std::string data =
      "\0\0\0\0\0\0\xe0\x3f\0\0\xc0\x3f\0\0\x80\x3f\0\0\0\xc0"s;  // 0.5, 1.5, 1, -2
  std::string padded = header;
  while (padded.size() % 8 != 0) padded += ' ';
  CHECK(encode_safetensors(state, "f") == file_of(padded, data));
  check_equal(decoded(file_of(header, data)), state);
}

TEST_CASE("safetensors: what was saved is what is loaded, to the bit") {
  for (const StateDict& state : {StateDict{}, everything()}) {
    const std::string bytes = encode_safetensors(state, "f");
    check_equal(decoded(bytes), state);
    CHECK(encode_safetensors(decoded(bytes), "f") == bytes);
  }
}

TEST_CASE("safetensors: tensors may lie in any order and be of any kind the format allows") {
  const StateDict state = decoded(
      file_of(R"( {"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"e":{"dtype":"F64",)"
              R"("shape":[0],"data_offsets":[4,4]},"a":{"shape":[1,1],"data_offsets":[4,12],)"
              R"("dtype":"F64"},"__metadata__":{}}  )",
              "\0\0\x80\x3f\0\0\0\0\0\0\xe0\x3f"s));
  CHECK(state.tensors.at("b").item() == 1);
  CHECK(state.tensors.at("a").item() == 0.5);
  CHECK(state.tensors.at("e").shape() == Shape{0});
}

// A header with one tensor "t".
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  std::ostringstream out;
  out << R"({"t":{"dtype":)" << dtype << R"(,"shape":)" << shape << R"(,"data_offsets":)" << offsets
      << "}}";
  return out.str();
}

TEST_CASE("safetensors: every mistake has its text") {
  struct Row {
    std::string bytes, text;
  };
  const std::string eight(8, '\0');
  const std::string no_sizes = "f: tensor \"t\": shape must be a list of sizes: ";
  const Row rows[] = {
      {"", "f: at least 8 bytes are needed: 0"},
      {"1234567", "f: at least 8 bytes are needed: 7"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff{}",
       "f: the header must fit into the file and 100000000 "
       "bytes: 18446744073709551615"},
      {file_of("{}").substr(0, 9), "f: the header must fit into the file and 100000000 bytes: 2"},
      {file_of(""), "f: the header must be JSON: "},
      {file_of("{"), "f: the header must be JSON: "},
      {file_of("{} x"), "f: the header must be JSON: "},
      {file_of("[]"), "f: the header must be a JSON object: the text is of type array"},
      {file_of("7"), "f: the header must be a JSON object: the text is of type number"},
      {file_of(R"({"a":1,"a":1})"), "f: each name at most once: \"a\""},
      {file_of(R"({"a":{"b":1,"b":2}})"), "f: each name at most once: \"b\""},
      {file_of(R"({"\n":1,"\n":1})"), "f: each name at most once: \"\\n\""},
      {file_of(R"({"a":[[[[1]]]]})"),
       "f: the header must be nested at most 3 deep: one level more was found"},
      {file_of(R"({"__metadata__":1})"), "f: __metadata__ must be an object of texts: 1"},
      {file_of(R"({"__metadata__":{"a":1}})"),
       "f: __metadata__ must be an object of texts: {\"a\":1}"},
      {file_of(R"({"t":1})"),
       "f: tensor \"t\": needs dtype, shape and data_offsets, and nothing else"},
      {file_of(R"({"t":{"dtype":"F32","shape":[]}})"),
       "f: tensor \"t\": needs dtype, shape and data_offsets, and nothing else"},
      {file_of(R"({"t":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}})", "1234"),
       "f: tensor \"t\": needs dtype, shape and data_offsets, and nothing else"},
      {file_of(one(R"("F16")", "[]", "[0,2]"), "12"),
       "f: tensor \"t\": dtype must be F32 or F64: \"F16\""},
      {file_of(one("32", "[]", "[0,4]"), "1234"), "f: tensor \"t\": dtype must be F32 or F64: 32"},
      {file_of(one(R"("F32")", "[-1]", "[0,4]")), no_sizes + "[-1]"},
      {file_of(one(R"("F32")", "[1.0]", "[0,4]")), no_sizes + "[1.0]"},
      {file_of(one(R"("F32")", R"(["1"])", "[0,4]")), no_sizes + R"(["1"])"},
      {file_of(one(R"("F32")", "[18446744073709551616]", "[0,4]")), no_sizes + "[1.8446"},
      {file_of(one(R"("F32")", R"({"a":1})", "[0,4]")), no_sizes + R"({"a":1})"},
      {file_of(one(R"("F32")", "[1,1,1,1,1,1,1]", "[0,4]")),
       "f: tensor \"t\": at most 6 axes: [1, 1, 1, 1, 1, 1, 1]"},
      {file_of(one(R"("F32")", "[4294967296,4294967296]", "[0,0]")),
       "f: tensor \"t\": the shape is too large: [4294967296, 4294967296]"},
      {file_of(one(R"("F32")", "[0,4294967296,4294967296]", "[0,0]")),
       "f: tensor \"t\": the shape is too large: [0, 4294967296, 4294967296]"},
      {file_of(one(R"("F64")", "[2305843009213693952]", "[0,0]")),
       "f: tensor \"t\": the shape is too large: [2305843009213693952]"},
      {file_of(one(R"("F32")", "[1]", "[4]")),
       "f: tensor \"t\": data_offsets must be begin and end: [4]"},
      {file_of(one(R"("F32")", "[1]", "[4,0]")),
       "f: tensor \"t\": data_offsets must be begin and end: [4, 0]"},
      {file_of(one(R"("F32")", "[1]", R"("a")")),
       "f: tensor \"t\": data_offsets must be a list of sizes: \"a\""},
      {file_of(one(R"("F32")", "[2]", "[0,4]"), "1234"),
       "f: tensor \"t\": f32 [2] takes 8 bytes: data_offsets [0, 4]"},
      {file_of(one(R"("F32")", "[2]", "[0,8]"), "1234"),
       "f: tensor \"t\": must begin at 0 and end within the 4 bytes of data: [0, 8]"},
      {file_of(one(R"("F32")", "[1]", "[4,8]"), eight),
       "f: tensor \"t\": must begin at 0 and end within the 8 bytes of data: [4, 8]"},
      {file_of(one(R"("F32")", "[1]", "[18446744073709551608,18446744073709551612]")),
       "f: tensor \"t\": must begin at 0 and end within the 0 bytes of data: "
       "[18446744073709551608, 18446744073709551612]"},
      {file_of(one(R"("F32")", "[1]", "[0,4]"), eight), "f: tensors must fill the data: 4 of 8"},
      {file_of("{}", "1"), "f: tensors must fill the data: 0 of 1 bytes"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
               eight),
       "must begin at 4 and end within the 8 bytes of data: [0, 4]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    const std::string text = text_of<IoError>([&] { decoded(row.bytes); });
    CAPTURE(text);
    CHECK(text.find(row.text) != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.size() < 400);
  }
}

TEST_CASE("safetensors: what a header claims is not allocated before it is checked") {
  memory::reset_peak();
  const std::int64_t before = memory::stats().peak_bytes;
  CHECK(text_of<IoError>([&] {
          decoded(file_of(one(R"("F64")", "[1099511627776]", "[0,8796093022208]"), "12345678"));
        }) ==
        "f: tensor \"t\": must begin at 0 and end within the 8 bytes of data: [0, "
        "8796093022208]");
  CHECK(memory::stats().peak_bytes == before);
}

TEST_CASE("safetensors: lists within lists without end") {
  const std::string deep(1'000'000, '[');
  for (const std::string& header : {deep, "{\"a\":" + deep, one(R"("F32")", deep, "[0,4]")}) {
    CHECK(text_of<IoError>([&] { decoded(file_of(header)); }).find("at most 3 deep") !=
          std::string::npos);
  }
}

TEST_CASE("safetensors: what cannot be saved") {
  StateDict undefined, reserved, no_text;
  undefined.tensors["x"];
  reserved.tensors["__metadata__"] = range({1});
  no_text.text["x"] = "\xff";
  CHECK(text_of<IoError>([&] { encode_safetensors(undefined, "f"); }) ==
        "f: tensor \"x\": must be defined, and not of this reserved name: \"__metadata__\"");
  CHECK(text_of<IoError>([&] { encode_safetensors(reserved, "f"); }) ==
        "f: tensor \"__metadata__\": must be defined, and not of this reserved name: "
        "\"__metadata__\"");
  CHECK(text_of<IoError>([&] {
          encode_safetensors(no_text, "f");
        }).find("f: names and texts must be UTF-8: ") == 0);
}

// Whatever the bytes are: an IoError, or a state that can be read to its last element.
bool loads(std::string_view bytes) {
  try {
    for (const auto& [name, tensor] : decoded(bytes).tensors) tensor.values();
    return true;
  } catch (const IoError& error) {
    CHECK(std::string_view(error.what()).starts_with("f: "));
    return false;
  }
}

TEST_CASE("safetensors: a file cut anywhere does not load") {
  const std::string bytes = encode_safetensors(everything(), "f");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(loads(std::string_view(bytes).substr(0, size)));
  }
  CHECK(loads(bytes));
  CHECK_FALSE(loads(bytes + '\0'));
}

TEST_CASE("safetensors: any other byte anywhere in the header is an IoError or loads") {
  StateDict state;
  state.tensors["a"] = range({2, 1}, DType::f32);
  state.tensors["b"] = Tensor::scalar(1, DType::f64);
  state.text["k"] = "v";
  const std::string good = encode_safetensors(state, "f");
  const std::size_t header_end = good.size() - 16;
  int loaded = 0;
  for (std::size_t at = 0; at < header_end; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(byte);
      loaded += loads(bytes);
    }
  }
  CHECK(loaded > static_cast<int>(header_end));  // at least those that change nothing
}

// A directory that goes away again.
struct Directory {
  Directory() { fs::create_directories(path); }
  ~Directory() { fs::remove_all(path); }
  fs::path path = fs::temp_directory_path() /
                  ("taskgrad_test_" + std::to_string(std::bit_cast<std::uintptr_t>(this)));
};

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("save and load: files") {
  const Directory directory;
  const fs::path path = directory.path / "state.safetensors";
  save(path, everything());
  check_equal(load(path), everything());
  CHECK(contents(path) == encode_safetensors(everything(), "f"));

  save(path, {});
  CHECK(load(path).tensors.empty());
  CHECK(std::distance(fs::directory_iterator(directory.path), {}) == 1);  // nothing is left aside
}

TEST_CASE("save: an existing file survives whatever goes wrong") {
  const Directory directory;
  const fs::path path = directory.path / "state.safetensors";
  StateDict old;
  old.text["which"] = "old";
  save(path, old);

  StateDict undefined;
  undefined.tensors["x"];
  CHECK(text_of<IoError>([&] { save(path, undefined); }).find(path.string()) == 0);
  check_equal(load(path), old);

  fs::create_directory(path.string() + ".partial");
  CHECK(text_of<IoError>([&] { save(path, everything()); }) ==
        path.string() + ".partial: could not be opened to be written");
  check_equal(load(path), old);

  const fs::path folder = directory.path / "folder";
  fs::create_directories(folder / "full");
  CHECK(text_of<IoError>([&] {
          save(folder, old);
        }).find(folder.string() + ": could not be written: ") == 0);
  CHECK_FALSE(fs::exists(folder.string() + ".partial"));
}

TEST_CASE("load: files that are not there or not files") {
  const Directory directory;
  const fs::path missing = directory.path / "missing";
  CHECK(text_of<IoError>([&] { load(missing); }) ==
        missing.string() + ": could not be opened to be read");
  CHECK(text_of<IoError>([&] { load(directory.path); }).find(directory.path.string()) == 0);
  CHECK(text_of<IoError>([&] { save(missing / "x", {}); }) ==
        (missing / "x.partial").string() + ": could not be opened to be written");
  std::ofstream(missing) << "short";
  CHECK(text_of<IoError>([&] { load(missing); }) ==
        missing.string() + ": at least 8 bytes are needed: 5");
}

TEST_CASE("load: a file that ends before its size says") {
  const fs::path shorter = "/sys/devices/system/cpu/online";  // a page, it claims
  if (!fs::exists(shorter)) return;
  CHECK(text_of<IoError>([&] { load(shorter); }) ==
        shorter.string() + ": could not be read to its end");
}

}  // namespace
}  // namespace taskgrad
