// A graph as text: for terminals, and for Graphviz to draw.
#pragma once

#include <taskgrad/autograd/var.h>

#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace taskgrad {

/// What to call some of the values, for whoever reads.
using Names = std::vector<std::pair<std::string, Var>>;

/// The name, or "#12" by its id.
std::string name_of(const Var& var, const Names& names);

/// The nodes at or below `outputs`, one a line in order of creation, inputs first:
///   #1 w = leaf [2]
///   #2 = mul(w, w) [2]
///   d #4 = scale(#3) [2]        a d for each order of derivative it belongs to
void print_graph(std::ostream& out, std::span<const Var> outputs, const Names& names = {});

struct DotOptions {
  Names names = {};
  bool values = false;  ///< show the numbers of values with at most four elements
};

/// The same for Graphviz (`dot -Tsvg`): boxes are ops, ellipses leaves and constants. Shades tell
/// the order: white the forward pass, blue the gradient, orange the gradient of the gradient. A
/// dashed edge is a forward value that a derivative uses.
void to_dot(std::ostream& out, std::span<const Var> outputs, const DotOptions& options = {});

}  // namespace taskgrad
