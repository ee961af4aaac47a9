// The exchange with PyTorch: samples go out as a file, what PyTorch made of them is committed.
#pragma once

#include <taskgrad/core/state_dict.h>

#include <filesystem>
#include <string>

namespace taskgrad {
struct OpEntry;
struct Sample;
}  // namespace taskgrad

namespace taskgrad::test {

/// "conv2d/all options", the name of a sample's tensors.
std::string reference_name(const OpEntry& op, const Sample& sample);

/// The inputs, cotangent and directions of every sample with elements, for tests/reference/make.py.
void write_samples(const std::filesystem::path& path);

}  // namespace taskgrad::test
