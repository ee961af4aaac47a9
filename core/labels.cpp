#include <taskgrad/core/fail.h>
#include <taskgrad/core/labels.h>

#include <utility>

namespace taskgrad {
namespace {

Shape vector_of(std::size_t count) { return {static_cast<std::int64_t>(count)}; }

}  // namespace

Labels::Labels(std::initializer_list<std::int64_t> values)
    : Labels(std::span<const std::int64_t>(values.begin(), values.size())) {}

Labels::Labels(std::span<const std::int64_t> values) : Labels(vector_of(values.size()), values) {}

Labels::Labels(const Shape& shape, std::span<const std::int64_t> values)
    : Labels(shape, List<std::int64_t>(values.begin(), values.end())) {}

Labels::Labels(const Shape& shape, List<std::int64_t>&& values) : shape_(shape) {
  if (static_cast<std::int64_t>(values.size()) != shape.size()) {
    fail<ShapeError>("Labels: {} has {} elements: {} were given", shape, shape.size(),
                     values.size());
  }
  using Stored = List<std::int64_t>;
  values_ = std::allocate_shared<Stored>(memory::Allocator<Stored>(), std::move(values));
}

}  // namespace taskgrad
