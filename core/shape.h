// Extents of a tensor, up to six of them, stored in place; NumPy's broadcasting rule.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace taskgrad {

inline constexpr int kMaxRank = 6;
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 59;  // their bytes fit an int64

/// Element steps between neighbours along each axis; 0 along an axis that repeats (a broadcast
/// view).
using Strides = std::array<std::int64_t, kMaxRank>;

/// Row-major extents. Rank 0 is a scalar of size 1; an extent of 0 makes an empty tensor.
class Shape {
 public:
  Shape() = default;
  /// Throws ShapeError for more than six extents, a negative one, or a product beyond 2^59.
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Number of elements: the product of the extents.
  std::int64_t size() const;
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }

  void set(int axis, std::int64_t extent) { extents_[static_cast<std::size_t>(axis)] = extent; }
  /// Throws ShapeError as the constructors do.
  void append(std::int64_t extent);

  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

/// "[64, 100]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// Where the element at `position` in row-major order lies: "[7, 3]".
std::string place_in(const Shape& shape, std::int64_t position);

/// Strides of a packed row-major tensor of this shape.
Strides row_major(const Shape& shape);

/// The common shape of two operands: extents are equal or one of them is 1, aligned at the last
/// axis. Throws ShapeError naming `where`.
Shape broadcast_shape(std::string_view where, const Shape& a, const Shape& b);

/// Whether `from` broadcasts to exactly `to`.
bool broadcasts_to(const Shape& from, const Shape& to);

/// A set of axes as a bit mask; `kAllAxes` means every axis of whatever tensor it is used on.
using AxisSet = std::uint8_t;
inline constexpr AxisSet kAllAxes = 0xff;

/// Turns axis numbers (negative ones count from the end) into a set. Throws ShapeError naming
/// `where` for an axis out of range or given twice.
AxisSet axis_set(std::string_view where, std::span<const int> axes, int rank);

}  // namespace taskgrad
