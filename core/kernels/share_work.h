// How work is shared out to threads. Private to the kernels.
#pragma once

#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cstdint>

namespace taskgrad::kernels {

/// What products of so many multiply-adds together cost: ten links of a chain take about as long as
/// an element of another kernel.
inline std::int64_t product_cost(std::int64_t multiply_adds) { return multiply_adds / 10; }

/// The runs that `pieces` of work are cut into, one for each thread that has any.
inline std::int64_t runs_for(std::int64_t cost, std::int64_t pieces) {
  return std::min<std::int64_t>(threads_for(cost), pieces);
}

/// Counts the lines of all results through, their rows or their columns, and calls
/// f(result, first, last, run) for the lines [first, last) of a result that a run has.
template <class F>
void share_lines(std::int64_t runs, std::int64_t results, std::int64_t lines, std::int64_t cost,
                 const F& f) {
  parallel_blocks(runs, cost, [&](std::int64_t run) {
    std::int64_t line = run * results * lines / runs;
    const std::int64_t end = (run + 1) * results * lines / runs;
    while (line < end) {
      const std::int64_t result = line / lines;
      const std::int64_t last = std::min(end, (result + 1) * lines);
      f(result, line - result * lines, last - result * lines, run);
      line = last;
    }
  });
}

}  // namespace taskgrad::kernels
