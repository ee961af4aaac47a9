// Walking several broadcast operands at once: axes are merged where all operands allow it, then an
// odometer runs over the outer axes and a vectorised loop over the last one. Private to the
// kernels.
#pragma once

#include <taskgrad/core/parallel.h>
#include <taskgrad/core/shape.h>
#include <taskgrad/core/tensor.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace taskgrad::kernels {

/// The merged iteration space of N operands over one output shape.
template <int N>
struct Walk {
  std::int64_t inner = 1;                    // length of the last axis
  std::array<std::int64_t, N> inner_step{};  // element step of each operand along it
  std::int64_t rows = 1;                     // product of the outer extents
  int outer_rank = 0;
  std::array<std::int64_t, kMaxRank> extent{};  // outer extents, first axis first
  std::array<Strides, N> step{};                // outer steps of each operand

  /// Offsets of each operand at the start of outer row `row`.
  std::array<std::int64_t, N> offsets(std::int64_t row) const {
    std::array<std::int64_t, N> offset{};
    for (int axis = outer_rank - 1; axis >= 0; --axis) {
      const auto at = static_cast<std::size_t>(axis);
      const std::int64_t index = row % extent[at];
      row /= extent[at];
      for (std::size_t n = 0; n < N; ++n) offset[n] += index * step[n][at];
    }
    return offset;
  }
};

/// `operands` must already have the shape `shape` (see Tensor::expand).
template <int N>
Walk<N> make_walk(const Shape& shape, const std::array<const Tensor*, N>& operands) {
  struct Axis {
    std::int64_t extent;
    std::array<std::int64_t, N> step;
  };
  std::array<Axis, kMaxRank> merged{};
  int count = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    Axis next{shape[axis], {}};
    for (std::size_t n = 0; n < N; ++n) {
      next.step[n] = operands[n]->strides()[static_cast<std::size_t>(axis)];
    }
    bool joins = count > 0;
    for (std::size_t n = 0; n < N && joins; ++n) {
      joins = merged[static_cast<std::size_t>(count - 1)].step[n] == next.extent * next.step[n];
    }
    if (joins) {
      Axis& last = merged[static_cast<std::size_t>(count - 1)];
      last = {last.extent * next.extent, next.step};
    } else {
      merged[static_cast<std::size_t>(count++)] = next;
    }
  }
  Walk<N> walk;
  for (std::size_t n = 0; n < N; ++n) walk.inner_step[n] = 1;
  if (count == 0) return walk;
  const Axis& last = merged[static_cast<std::size_t>(--count)];
  walk.inner = last.extent;
  walk.inner_step = last.step;
  walk.outer_rank = count;
  for (int axis = 0; axis < count; ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    walk.extent[at] = merged[at].extent;
    walk.rows *= merged[at].extent;
    for (std::size_t n = 0; n < N; ++n) walk.step[n][at] = merged[at].step[n];
  }
  return walk;
}

/// Calls `body(offsets, first, count)` for runs of at most kBlock elements: each operand's offset,
/// the index of the first element in row-major order, and how many follow.
template <int N, class Body>
void for_each_run(const Walk<N>& walk, const Body& body) {
  const std::int64_t runs = (walk.inner + kBlock - 1) / kBlock;
  parallel_blocks(walk.rows * runs, walk.rows * walk.inner, [&](std::int64_t block) {
    const std::int64_t row = block / runs;
    const std::int64_t first = block % runs * kBlock;
    auto offset = walk.offsets(row);
    for (std::size_t n = 0; n < N; ++n) offset[n] += first * walk.inner_step[n];
    body(offset, row * walk.inner + first, std::min(kBlock, walk.inner - first));
  });
}

}  // namespace taskgrad::kernels
