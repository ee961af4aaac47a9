// The format: u64 length of the header, a JSON header, the data.
// Header: {"__metadata__": {name: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}}.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/safetensors.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <vector>

namespace taskgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using Json = nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;

std::string_view code_of(DType dtype) { return dtype == DType::f32 ? "F32" : "F64"; }

// The elements of a packed tensor.
const void* bytes_of(const Tensor& tensor) {
  return dispatch(tensor.dtype(),
                  [&]<class T>(Type<T>) -> const void* { return tensor.data<T>(); });
}

std::size_t byte_count(const Tensor& tensor) {
  return static_cast<std::size_t>(tensor.size()) * size_of(tensor.dtype());
}

// A JSON text as it is read. The JSON library's destructor of a tree allocates, which would end the
// program when memory is short: this one takes the tree apart from its leaves first.
struct Header {
  Header() = default;
  ~Header() { clear(root); }
  Header(const Header&) = delete;
  Header& operator=(const Header&) = delete;

  static void clear(Json& json) noexcept {
    if (!json.is_structured()) return;
    for (Json& child : json) clear(child);
    json.clear();
  }

  Json root;
};

// Builds a Header. The JSON library keeps the last of several equal keys without a word; here they
// are a mistake. Neither is there a reason for lists within lists, which would only exhaust some
// stack later.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(Header& header, std::string_view where) : header_(header), where_(where) {}

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (open_.back()->contains(name))
      fail<IoError>("{}: each name at most once: {:?}", where_, name);
    slot_ = &(*open_.back())[name];
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    fail<IoError>("{}: the header must be JSON: {:.200}", where_, error.what());
  }

 private:
  bool put(Json value) {
    place() = std::move(value);
    return true;
  }
  bool open(Json empty) {
    constexpr std::size_t kDeepest = 3;
    if (open_.size() == kDeepest) {
      fail<IoError>("{}: the header must be nested at most {} deep: one level more was found",
                    where_, kDeepest);
    }
    Json& at = place();
    at = std::move(empty);
    open_.push_back(&at);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  // Where the next value goes: the root, a new element, or the key's slot.
  Json& place() {
    if (open_.empty()) return header_.root;
    if (!open_.back()->is_array()) return *slot_;
    open_.back()->push_back(nullptr);
    return open_.back()->back();
  }

  Header& header_;
  std::string_view where_;
  std::vector<Json*> open_;
  Json* slot_ = nullptr;
};

// One tensor of the header: where its bytes are, and what they mean.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin, end;
};

std::string shown(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::vector<std::uint64_t> read_sizes(const Json& value, std::string_view field,
                                      std::string_view where, const std::string& name) {
  const bool sizes = value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& x) {
                       return x.is_number_unsigned();
                     });
  if (!sizes) {
    fail<IoError>("{}: tensor {:?}: {} must be a list of sizes: {:.80}", where, name, field,
                  shown(value));
  }
  return value.get<std::vector<std::uint64_t>>();
}

Entry read_entry(const std::string& name, const Json& value, std::string_view where) {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    fail<IoError>("{}: tensor {:?}: needs dtype, shape and data_offsets, and nothing else", where,
                  name);
  }
  const Json& dtype = value["dtype"];
  if (dtype != code_of(DType::f32) && dtype != code_of(DType::f64)) {
    fail<IoError>("{}: tensor {:?}: dtype must be F32 or F64: {:.80}", where, name, shown(dtype));
  }
  Entry entry{name, dtype == code_of(DType::f32) ? DType::f32 : DType::f64, {}, 0, 0};

  const auto extents = read_sizes(value["shape"], "shape", where, name);
  if (extents.size() > kMaxRank) {
    fail<IoError>("{}: tensor {:?}: at most {} axes: [{}]", where, name, kMaxRank,
                  joined_numbers(extents));
  }
  // Extents of 0 do not count, so that no part of the product can overflow either.
  std::uint64_t room = kMaxElements;
  for (const std::uint64_t extent : extents) {
    if (extent > room) {
      fail<IoError>("{}: tensor {:?}: the shape is too large: [{}]", where, name,
                    joined_numbers(extents));
    }
    room /= std::max<std::uint64_t>(extent, 1);
    entry.shape.append(static_cast<std::int64_t>(extent));
  }

  const auto offsets = read_sizes(value["data_offsets"], "data_offsets", where, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    fail<IoError>("{}: tensor {:?}: data_offsets must be begin and end: [{}]", where, name,
                  joined_numbers(offsets));
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  const auto needed = static_cast<std::uint64_t>(entry.shape.size()) * size_of(entry.dtype);
  if (entry.end - entry.begin != needed) {
    fail<IoError>("{}: tensor {:?}: {} {} takes {} bytes: data_offsets [{}, {}]", where, name,
                  entry.dtype, entry.shape, needed, entry.begin, entry.end);
  }
  return entry;
}

// Tensors must lie end to end and fill the data: no hole, no overlap, nothing left.
void check_layout(std::vector<Entry>& entries, std::size_t data_bytes, std::string_view where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t filled = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != filled || entry.end > data_bytes) {
      fail<IoError>(
          "{}: tensor {:?}: must begin at {} and end within the {} bytes of data: [{}, {}]", where,
          entry.name, filled, data_bytes, entry.begin, entry.end);
    }
    filled = entry.end;
  }
  if (filled != data_bytes) {
    fail<IoError>("{}: tensors must fill the data: {} of {} bytes", where, filled, data_bytes);
  }
}

std::string compact(const Shape& shape) {
  std::string text = to_string(shape);
  std::erase(text, ' ');
  return text;
}

}  // namespace

std::string encode_safetensors(const StateDict& state, std::string_view where) {
  const auto quoted = [&](const std::string& text) {
    try {
      return Json(text).dump();
    } catch (const Json::exception& error) {
      fail<IoError>("{}: names and texts must be UTF-8: {}", where, error.what());
    }
  };
  std::string data;
  std::map<std::string_view, std::size_t> begins;
  for (const DType dtype : {DType::f64, DType::f32}) {  // the wider first: everything is aligned
    for (const auto& [name, tensor] : state.tensors) {
      if (!tensor.defined() || name == kMetadata) {
        fail<IoError>("{}: tensor {:?}: must be defined, and not of this reserved name: {:?}",
                      where, name, kMetadata);
      }
      if (tensor.dtype() != dtype) continue;
      const Tensor packed = tensor.contiguous();
      begins[name] = data.size();
      data.append(static_cast<const char*>(bytes_of(packed)), byte_count(packed));
    }
  }
  std::string header;
  for (const auto& [name, text] : state.text) {
    header += formatted("{}{}:{}", header.empty() ? "" : ",", quoted(name), quoted(text));
  }
  if (!header.empty()) header = formatted(R"("{}":{{{}}})", kMetadata, header);
  for (const auto& [name, tensor] : state.tensors) {
    const std::size_t begin = begins.at(name);
    header += formatted(R"({}{}:{{"data_offsets":[{},{}],"dtype":"{}","shape":{}}})",
                        header.empty() ? "" : ",", quoted(name), begin, begin + byte_count(tensor),
                        code_of(tensor.dtype()), compact(tensor.shape()));
  }
  header = formatted("{{{}}}", header);
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::uint64_t length = header.size();
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  return bytes + header + data;
}

StateDict decode_safetensors(std::string_view bytes, std::string_view where) {
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    fail<IoError>("{}: at least {} bytes are needed: {}", where, kLengthBytes, bytes.size());
  }
  std::memcpy(&length, bytes.data(), kLengthBytes);
  bytes.remove_prefix(kLengthBytes);
  if (length > std::min<std::uint64_t>(bytes.size(), kMostHeaderBytes)) {
    fail<IoError>("{}: the header must fit into the file and {} bytes: {}", where, kMostHeaderBytes,
                  length);
  }
  Header header;
  Builder builder(header, where);
  Json::sax_parse(bytes.substr(0, length), &builder);
  if (!header.root.is_object()) {
    fail<IoError>("{}: the header must be a JSON object: the text is of type {}", where,
                  header.root.type_name());
  }

  StateDict state;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.root.items()) {
    if (name != kMetadata) {
      entries.push_back(read_entry(name, value, where));
      continue;
    }
    const bool texts =
        value.is_object() &&
        std::all_of(value.begin(), value.end(), [](const Json& x) { return x.is_string(); });
    if (!texts) {
      fail<IoError>("{}: {} must be an object of texts: {:.80}", where, kMetadata, shown(value));
    }
    state.text = value.get<std::map<std::string, std::string>>();
  }
  const std::string_view data = bytes.substr(length);
  check_layout(entries, data.size(), where);
  for (const Entry& entry : entries) {
    Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
    dispatch(entry.dtype, [&]<class T>(Type<T>) {
      std::memcpy(tensor.mutable_data<T>(), data.data() + entry.begin, byte_count(tensor));
    });
    state.tensors.emplace(entry.name, std::move(tensor));
  }
  return state;
}

void save(const std::string& path, const StateDict& state) {
  const std::string bytes = encode_safetensors(state, path);
  // Whatever happens on the way, the file aside does not stay.
  struct Aside {
    std::filesystem::path path;  // made here: the destructor may take no memory
    bool ours = true;
    ~Aside() {
      std::error_code ignored;
      if (ours) std::filesystem::remove(path, ignored);
    }
  } aside{path + ".partial"};
  std::ofstream file(aside.path, std::ios::binary | std::ios::trunc);
  aside.ours = static_cast<bool>(file);
  if (!file) fail<IoError>("{}: could not be opened to be written", aside.path.string());
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();  // flushes; a full disk shows here at the latest
  std::error_code error = file ? std::error_code() : std::make_error_code(std::errc::io_error);
  if (!error) std::filesystem::rename(aside.path, path, error);
  if (error) fail<IoError>("{}: could not be written: {}", path, error.message());
  aside.ours = false;
}

StateDict load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!file || error) fail<IoError>("{}: could not be opened to be read", path);
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file) fail<IoError>("{}: could not be read to its end", path);
  return decode_safetensors(bytes, path);
}

}  // namespace taskgrad
