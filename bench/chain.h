// What an operation costs beside its arithmetic is measured on a chain of small ones:
//
//   y_0 = x;  y_1 = y_0 x;  y_2 = y_1 + x;  y_3 = y_2 x;  ...
//
// It stays bounded for |x| < 1, and so do its derivatives in x, of which there are many.
#pragma once

namespace bench {

inline constexpr int kChain = 100;  ///< operations

/// How far to go: y; dy/dx; dy/dx as a part of the graph; and from there d2y/dx2.
enum class Depth { forward, backward, backward_with_graph, double_backward };

}  // namespace bench
