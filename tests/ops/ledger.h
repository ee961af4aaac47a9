// What the checks of the op table found, and the page that says so: docs/ops.md.
#pragma once

#include <string>
#include <string_view>

namespace taskgrad::test {

/// What was checked of an op, and by which independent means.
enum class Depth { forward, first, second };
enum class Means { formula, pytorch, laws };  // of derivatives, differences stand for the formula

/// Keeps the largest error of each op, depth and means.
void note(std::string_view op, Depth depth, Means means, double error);

/// Says why PyTorch has no say about an op.
void note_reason(std::string_view op, std::string_view reason);

/// The page, from what was noted so far. Throws std::runtime_error naming the op when a cell is
/// empty and there is no reason for it.
std::string page();

/// The page with every number replaced by a sign, so that two machines agree.
std::string without_numbers(const std::string& page);

}  // namespace taskgrad::test
