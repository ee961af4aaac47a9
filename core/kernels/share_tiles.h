// How products of matrices are shared out to threads. Private to the kernels.
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

/// Counts the tiles of all results through and calls f(result, first, last, run) for the tiles
/// [first, last) of a result that a run has.
template <class F>
void share_tiles(std::int64_t runs, std::int64_t results, std::int64_t tiles, std::int64_t cost,
                 const F& f) {
  parallel_blocks(runs, cost, [&](std::int64_t run) {
    std::int64_t tile = run * results * tiles / runs;
    const std::int64_t end = (run + 1) * results * tiles / runs;
    while (tile < end) {
      const std::int64_t result = tile / tiles;
      const std::int64_t last = std::min(end, (result + 1) * tiles);
      f(result, tile - result * tiles, last - result * tiles, run);
      tile = last;
    }
  });
}

}  // namespace taskgrad::kernels
