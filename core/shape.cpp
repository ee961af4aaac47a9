#include <taskgrad/core/fail.h>
#include <taskgrad/core/shape.h>

#include <algorithm>

namespace taskgrad {
Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  for (const std::int64_t extent : extents) append(extent);
}

void Shape::append(std::int64_t extent) {
  if (rank_ == kMaxRank) fail<ShapeError>("Shape: at most {} axes: one more was given", kMaxRank);
  if (extent < 0) fail<ShapeError>("Shape: extents must not be negative: {}", extent);
  // Also of an empty tensor, whose strides must be numbers too.
  std::int64_t product = 1;
  for (const std::int64_t other : *this) product *= std::max<std::int64_t>(other, 1);
  const bool both_small = std::max(product, extent) < std::int64_t{1} << 29;  // spares a division
  if (!both_small && extent > kMaxElements / product) {
    fail<ShapeError>("Shape: at most {} elements: {} and another extent of {}", kMaxElements,
                     to_string(*this), extent);
  }
  set(rank_++, extent);
}

std::int64_t Shape::size() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : *this) product *= extent;
  return product;
}

bool operator==(const Shape& a, const Shape& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string to_string(const Shape& shape) {
  return formatted("[{}]", joined_numbers({shape.begin(), shape.end()}));
}

std::string place_in(const Shape& shape, std::int64_t position) {
  std::array<std::int64_t, kMaxRank> index{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = position % shape[axis];
    position /= shape[axis];
  }
  return formatted("[{}]", joined_numbers({index.data(), static_cast<std::size_t>(shape.rank())}));
}

Strides row_major(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

Shape broadcast_shape(std::string_view where, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int shift = longer.rank() - shorter.rank();
  Shape result = longer;
  for (int axis = 0; axis < shorter.rank(); ++axis) {
    const std::int64_t m = longer[axis + shift];
    const std::int64_t n = shorter[axis];
    if (m != n && m != 1 && n != 1) {
      fail<ShapeError>("{}: shapes must broadcast: lhs {} · rhs {}  ({} != {})", where, a, b,
                       a[axis + a.rank() - shorter.rank()], b[axis + b.rank() - shorter.rank()]);
    }
    result.set(axis + shift, m == 1 ? n : m);
  }
  // Made anew, which checks the number of elements.
  return Shape(std::span<const std::int64_t>(result.begin(), result.end()));
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  const int shift = to.rank() - from.rank();
  if (shift < 0) return false;
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (from[axis] != 1 && from[axis] != to[axis + shift]) return false;
  }
  return true;
}

AxisSet axis_set(std::string_view where, std::span<const int> axes, int rank) {
  AxisSet set = 0;
  for (const int given : axes) {
    const int axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank) {
      fail<ShapeError>("{}: axes must lie in [{}, {}): {}", where, -rank, rank, given);
    }
    if ((set >> axis) & 1) fail<ShapeError>("{}: each axis at most once: {}", where, given);
    set = static_cast<AxisSet>(set | (1 << axis));
  }
  return set;
}

}  // namespace taskgrad
