// Files of tensors and texts in the safetensors format, which other tools read as well. Round trips
// keep every bit.
//
// Reading trusts nothing: whatever the bytes are, the result is a StateDict or an IoError whose
// text is one line naming the file and the tensor.
#pragma once

#include <taskgrad/core/state_dict.h>

#include <string>
#include <string_view>

namespace taskgrad {

/// Writes to a file aside first and renames it, so that `path` has the old state or all of the new.
/// Throws IoError.
void save(const std::string& path, const StateDict& state);
StateDict load(const std::string& path);

/// The same on bytes in memory; `where` is what error texts call them.
std::string encode_safetensors(const StateDict& state, std::string_view where);
StateDict decode_safetensors(std::string_view bytes, std::string_view where);

}  // namespace taskgrad
