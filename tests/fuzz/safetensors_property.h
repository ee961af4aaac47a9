// What must hold for any bytes given to decode_safetensors; the fuzzer and the tests both ask it.
#pragma once

#include <taskgrad/core/error.h>
#include <taskgrad/core/safetensors.h>

#include <exception>
#include <string>
#include <string_view>

namespace taskgrad::fuzz {

struct Outcome {
  bool loaded;
  std::string broken;  ///< the property that does not hold; empty when all do
};

inline bool same(const StateDict& a, const StateDict& b) {
  if (a.text != b.text || a.tensors.size() != b.tensors.size()) return false;
  for (const auto& [name, tensor] : a.tensors) {
    const auto found = b.tensors.find(name);
    if (found == b.tensors.end() || !equal_bits(tensor, found->second)) return false;
  }
  return true;
}

/// What loads can be encoded and loads again with equal bits; all else is an IoError whose text is
/// one line that starts with the file's name.
inline Outcome read_safetensors(std::string_view bytes) {
  StateDict state;
  try {
    state = decode_safetensors(bytes, "file");
  } catch (const IoError& error) {
    const std::string_view text = error.what();
    if (!text.starts_with("file: ")) return {false, "the text must name the file"};
    if (text.find_first_of("\n\r") != text.npos) return {false, "the text must be one line"};
    return {false, ""};
  } catch (const std::exception& error) {
    return {false, std::string("only IoError may be thrown: ") + error.what()};
  }
  try {
    const std::string again = encode_safetensors(state, "file");
    if (!same(decode_safetensors(again, "file"), state)) {
      return {true, "what was loaded, encoded and loaded again must have equal bits"};
    }
    if (encode_safetensors(state, "file") != again) return {true, "the encoding must be one"};
  } catch (const std::exception& error) {
    return {true, std::string("what was loaded must be encoded and loaded again: ") + error.what()};
  }
  return {true, ""};
}

}  // namespace taskgrad::fuzz
