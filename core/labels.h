// Labels: whole numbers that name classes or positions. They select; nothing is differentiated in
// them, so they are not tensors.
#pragma once

#include <taskgrad/core/memory.h>
#include <taskgrad/core/shape.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

namespace taskgrad {

/// A shaped list of int64 numbers in row-major order; copies share them. Memory is the pool's.
class Labels {
 public:
  /// None: shape [0].
  Labels() : Labels({}) {}
  /// A vector.
  Labels(std::initializer_list<std::int64_t> values);
  explicit Labels(std::span<const std::int64_t> values);
  /// Throws ShapeError when the count is not that of the shape.
  Labels(const Shape& shape, std::span<const std::int64_t> values);
  /// The same numbers, given up rather than copied.
  Labels(const Shape& shape, List<std::int64_t>&& values);

  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return static_cast<std::int64_t>(values_->size()); }
  std::span<const std::int64_t> values() const { return *values_; }
  std::int64_t operator[](std::int64_t i) const { return (*values_)[static_cast<std::size_t>(i)]; }

 private:
  Shape shape_;
  std::shared_ptr<const List<std::int64_t>> values_;
};

}  // namespace taskgrad
