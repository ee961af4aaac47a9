// Checkpoints as files: safetensors with everything in it, numbers to the last bit.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <filesystem>
#include <string_view>

namespace taskgrad::toy {

/// Replaces the file, or leaves it as it was. `study` is the text of the options that the run
/// belongs to. Throws IoError.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                     std::string_view study);

/// Throws IoError naming the path for a file that is damaged in any bit, or was saved for another
/// run than `run` of `study`.
Checkpoint load_checkpoint(const std::filesystem::path& path, const RunOptions& run,
                           std::string_view study);

}  // namespace taskgrad::toy
