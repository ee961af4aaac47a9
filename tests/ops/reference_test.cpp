// Value, first and second derivatives of every sample against PyTorch's in f64, as committed in
// tests/reference; made by tests/reference/make.py from what write_samples() says.
#include "reference.h"

#include <taskgrad/core/safetensors.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "derivatives.h"
#include "ledger.h"

namespace taskgrad::test {

std::string reference_name(const OpEntry& op, const Sample& sample) {
  return fmt::format("{}/{}", op.info->name, sample.label);
}

void write_samples(const std::filesystem::path& path) {
  StateDict state;
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    const Tensor y = value_of(op, sample, sample.inputs);
    if (y.size() == 0) return;
    const std::string name = reference_name(op, sample);
    state.tensors[name + "/u"] = directions({y}, 31)[0];
    const std::vector<Tensor> along = directions(sample.inputs, 41);
    for (std::size_t i = 0; i < along.size(); ++i) {
      state.tensors[fmt::format("{}/x{}", name, i)] = sample.inputs[i];
      state.tensors[fmt::format("{}/p{}", name, i)] = along[i];
    }
  });
  save(path, state);
}

namespace {

const StateDict& reference() {
  static const StateDict loaded = load(TASKGRAD_REFERENCE_FILE);
  return loaded;
}

// One after the other, as make.py does.
Tensor flat(const std::vector<Tensor>& parts) {
  std::vector<double> values;
  for (const Tensor& part : parts) {
    const std::vector<double> more = part.values();
    values.insert(values.end(), more.begin(), more.end());
  }
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, DType::f64);
}

// The sums of products over larger samples round differently: relative to 1 + |expected|.
constexpr double kBound = 1e-11;

void compare(const OpEntry& op, Depth depth, const std::string& name, const char* part,
             const Tensor& found) {
  const auto expected = reference().tensors.find(name + "/" + part);
  REQUIRE_MESSAGE(expected != reference().tensors.end(),
                  "no reference for " << name << " [run tests/reference/make.py]");
  const double error = largest_difference(found, expected->second);
  CHECK_MESSAGE(error <= kBound, part << " of " << name << " is off by " << error);
  note(op.info->name, depth, Means::pytorch, error);
}

TEST_CASE("reference: every sample agrees with PyTorch, to second order") {
  for (const auto& [key, text] : reference().text) {
    if (key == "torch") note_reason("version", text);
    if (key.starts_with("lacking/")) note_reason(key.substr(8), text);
  }
  int compared = 0;
  for_each_sample([&](const OpEntry& op, const Samples&, const Sample& sample) {
    if (reference().text.contains(fmt::format("lacking/{}", op.info->name))) return;
    const Tensor y = value_of(op, sample, sample.inputs);
    if (y.size() == 0) return;
    const std::string name = reference_name(op, sample);
    REQUIRE_MESSAGE(reference().tensors.contains(name + "/x"),
                    "no reference for " << name << " [run tests/reference/make.py]");
    const Tensor& inputs = reference().tensors.at(name + "/x");
    REQUIRE_MESSAGE(
        equal_bits(flat(sample.inputs), inputs),
        "the reference for " << name << " is of other inputs [run tests/reference/make.py]");
    const Derivatives found =
        derivatives_of(op, sample, directions({y}, 31)[0], directions(sample.inputs, 41));
    compare(op, Depth::forward, name, "value", flat({found.value}));
    ++compared;
    if (!op.differentiable) return;
    compare(op, Depth::first, name, "first", flat(found.first));
    compare(op, Depth::second, name, "second", flat(found.second));
  });
  CHECK(compared > 300);
}

}  // namespace
}  // namespace taskgrad::test
