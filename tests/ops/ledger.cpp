#include "ledger.h"

#include <taskgrad/autograd/op.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace taskgrad::test {
namespace {

using Row = std::array<std::array<std::optional<double>, 3>, 3>;

std::map<std::string, Row, std::less<>>& rows() {
  static std::map<std::string, Row, std::less<>> all;
  return all;
}

std::map<std::string, std::string, std::less<>>& reasons() {
  static std::map<std::string, std::string, std::less<>> all;
  return all;
}

std::string number(double error) { return error == 0 ? "0" : fmt::format("{:.0e}", error); }

// Why a cell may be empty; nothing when it may not.
std::optional<std::string> excuse(const OpEntry& op, Depth depth, Means means) {
  const bool elementwise = op.samples().unary || op.samples().binary;
  if (depth != Depth::forward && !op.differentiable) return "none";
  if (means == Means::pytorch && reasons().contains(op.info->name)) return "(c)";
  if (depth == Depth::forward && means == Means::formula && !elementwise) return "(a)";
  if (depth == Depth::forward && means == Means::laws && !elementwise) return "(b)";
  return std::nullopt;
}

std::string cell(const OpEntry& op, Depth depth, Means means) {
  const Row& row = rows()[std::string(op.info->name)];
  const auto& error = row[static_cast<std::size_t>(depth)][static_cast<std::size_t>(means)];
  if (error) return number(*error);
  if (const auto reason = excuse(op, depth, means)) return *reason;
  throw std::runtime_error(fmt::format("docs/ops.md: {} was not checked (depth {}, means {})",
                                       op.info->name, static_cast<int>(depth),
                                       static_cast<int>(means)));
}

// A bar would end a cell of the table.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

// "0" or "2e-16".
bool is_number(std::string_view cell) {
  return cell == "0" || (cell.size() >= 5 && cell.find_first_not_of("0123456789e-") == cell.npos &&
                         cell.substr(1, 2) == "e-");
}

std::string line(const OpEntry& op) {
  std::string text = fmt::format("| `{}`{} | {} |", op.info->name, op.composite ? "*" : "",
                                 escaped(op.info->formula));
  for (const Depth depth : {Depth::forward, Depth::first, Depth::second}) {
    for (const Means means : {Means::formula, Means::pytorch, Means::laws}) {
      text += fmt::format(" {} |", cell(op, depth, means));
    }
  }
  return text + "\n";
}

constexpr std::string_view kHead =
    R"(# Every op, and how it was checked

Written by the tests: `tests/run.sh` makes it anew as `build/release/tests/ops.md` and fails when it no
longer has this shape; `cp` that file here after a change. Each number is the largest error seen on
the op's samples (and, under laws, on random ones), relative to 1 + |expected|, in f64.

- **formula**: the value against a plain formula, element by element, written without the kernels.
- **differences**: the derivative against central differences of the value; at order 2 those of the
  gradient, as a function of the inputs and of the cotangent. What the rounding of the differences
  themselves explains is taken off: 0 says that they agree as far as differences can see.
- **PyTorch**: value, gradient and gradient of the gradient (in the inputs and the cotangent) as
  PyTorch {} gave them in f64; see [tests/reference](../tests/reference/README.md).
- **laws**: what must hold whatever the numbers are, on random shapes: of the value, that
  broadcasting is an explicit expand, that axes may be permuted, that a batch may be split, that a
  linear op is linear; at order 1 the same of the gradient, that it is linear in its cotangent, and
  for a linear op <A x, y> = <x, A' y>; at order 2 that the second derivative is linear in its
  cotangent and symmetric.

Where there is no number: "none", the op says that it has no derivative and a gradient through it is
refused; (a) not elementwise: plain loops in `tests/core` check its kernels; (b) none of these laws
is about its value; (c) PyTorch has no such function:{}

An op with a star is made of others. `one_hot` and `argmax` make constants and labels; their tests
are in `tests/core/kernels_index_test.cpp`.

| | | value | | | order 1 | | | order 2 | | |
|---|---|---|---|---|---|---|---|---|---|---|
| op | value; derivative | formula | PyTorch | laws | differences | PyTorch | laws | differences | PyTorch | laws |
)";

}  // namespace

void note(std::string_view op, Depth depth, Means means, double error) {
  auto& found =
      rows()[std::string(op)][static_cast<std::size_t>(depth)][static_cast<std::size_t>(means)];
  if (!found || !(error <= *found)) found = error;
}

void note_reason(std::string_view op, std::string_view reason) {
  reasons()[std::string(op)] = reason;
}

std::string page() {
  std::vector<OpEntry> ops = registered_ops();
  std::sort(ops.begin(), ops.end(),
            [](const OpEntry& a, const OpEntry& b) { return a.info->name < b.info->name; });
  std::string absent;
  std::string version = "?";
  for (const auto& [op, reason] : reasons()) {
    if (op == "version") {
      version = reason;
    } else {
      absent += fmt::format(" `{}`: {};", op, reason);
    }
  }
  if (!absent.empty()) absent.back() = '.';
  std::string text = fmt::format(fmt::runtime(kHead), version, absent);
  for (const OpEntry& op : ops) text += line(op);
  return text;
}

std::string without_numbers(const std::string& page) {
  std::string result;
  std::istringstream words(page);
  for (std::string word; words >> word;) result += (is_number(word) ? "#" : word) + ' ';
  return result;
}

}  // namespace taskgrad::test
