#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/tensor.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <ostream>

namespace taskgrad {

// 128 bytes with the elements behind it, so that those start on a cache line as well.
struct alignas(64) Tensor::Storage {
  std::uint32_t references;
  DType dtype;
  bool packed;
  Shape shape;
  Strides strides;
  void* data;
  Storage* owner;  // of the elements: null for this block itself

  static std::size_t bytes_for(const Shape& shape, DType dtype) {
    return sizeof(Storage) + static_cast<std::size_t>(shape.size()) * size_of(dtype);
  }
  std::size_t bytes() const { return owner != nullptr ? sizeof(Storage) : bytes_for(shape, dtype); }
};

void Tensor::retain() const noexcept {
  if (storage_ != nullptr) ++storage_->references;
}

void Tensor::release() noexcept {
  if (storage_ == nullptr || --storage_->references != 0) return;
  Storage* owner = storage_->owner;
  memory::deallocate(storage_, storage_->bytes());
  if (owner != nullptr && --owner->references == 0) memory::deallocate(owner, owner->bytes());
}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  void* block = memory::allocate(Storage::bytes_for(shape, dtype));
  void* data = static_cast<std::byte*>(block) + sizeof(Storage);
  return Tensor(new (block) Storage{1, dtype, true, shape, row_major(shape), data, nullptr});
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor result = empty(shape, dtype);
  dispatch(dtype, [&]<class T>(Type<T>) {
    std::fill_n(result.mutable_data<T>(), result.size(), static_cast<T>(value));
  });
  return result;
}

Tensor Tensor::from(const Shape& shape, std::span<const double> values, DType dtype) {
  if (static_cast<std::int64_t>(values.size()) != shape.size()) {
    fail<ShapeError>("Tensor::from: {} has {} elements: {} were given", shape, shape.size(),
                     values.size());
  }
  Tensor result = empty(shape, dtype);
  dispatch(dtype, [&]<class T>(Type<T>) {
    std::transform(values.begin(), values.end(), result.mutable_data<T>(),
                   [](double value) { return static_cast<T>(value); });
  });
  return result;
}

Tensor Tensor::from(const Shape& shape, std::initializer_list<double> values, DType dtype) {
  return from(shape, std::span<const double>(values.begin(), values.size()), dtype);
}

const Shape& Tensor::shape() const {
  TASKGRAD_ASSERT(defined());
  return storage_->shape;
}

const Strides& Tensor::strides() const {
  TASKGRAD_ASSERT(defined());
  return storage_->strides;
}

std::int64_t Tensor::size() const { return shape().size(); }

DType Tensor::dtype() const {
  TASKGRAD_ASSERT(defined());
  return storage_->dtype;
}

bool Tensor::is_contiguous() const {
  TASKGRAD_ASSERT(defined());
  return storage_->packed;
}

bool Tensor::unique() const noexcept {
  return storage_ != nullptr && storage_->references == 1 && storage_->owner == nullptr;
}

const void* Tensor::bytes_of(DType dtype, bool to_write) const {
  TASKGRAD_ASSERT(defined());
  TASKGRAD_ASSERT(!to_write || unique());
  if (dtype != storage_->dtype) {
    fail<DTypeError>("Tensor::data: element type must match: the tensor is {}, {} was asked for",
                     storage_->dtype, dtype);
  }
  static_cast<void>(to_write);
  return storage_->data;
}

double Tensor::item() const {
  if (size() != 1) fail<ShapeError>("item: one element is needed: shape {}", shape());
  return dispatch(dtype(), [&]<class T>(Type<T>) { return static_cast<double>(*data<T>()); });
}

std::vector<double> Tensor::values() const {
  const Tensor packed = contiguous();
  return dispatch(dtype(), [&]<class T>(Type<T>) {
    const T* first = packed.data<T>();
    return std::vector<double>(first, first + packed.size());
  });
}

Tensor Tensor::view(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  Storage* owner = storage_->owner != nullptr ? storage_->owner : storage_;
  void* data = static_cast<std::byte*>(storage_->data) +
               offset * static_cast<std::int64_t>(size_of(storage_->dtype));
  const Strides packed_strides = row_major(shape);
  bool packed = true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    packed = packed && (shape[axis] == 1 || strides[at] == packed_strides[at]);
  }
  packed = packed || shape.size() == 0;
  void* block = memory::allocate(sizeof(Storage));
  ++owner->references;
  return Tensor(new (block) Storage{1, storage_->dtype, packed, shape,
                                    packed ? packed_strides : strides, data, owner});
}

Tensor Tensor::reshape(const Shape& target) const {
  if (target.size() != size()) {
    fail<ShapeError>("reshape: the number of elements must stay: {} to {}", shape(), target);
  }
  if (!is_contiguous()) return clone().reshape(target);
  return view(target, row_major(target), 0);
}

Tensor Tensor::permute(std::span<const int> order) const {
  if (static_cast<int>(order.size()) != rank()) {
    fail<ShapeError>("permute: one entry an axis: {} for shape {}", order.size(), shape());
  }
  axis_set("permute", order, rank());
  Shape permuted;
  Strides steps{};
  for (const int given : order) {
    const int axis = given < 0 ? given + rank() : given;
    steps[static_cast<std::size_t>(permuted.rank())] = strides()[static_cast<std::size_t>(axis)];
    permuted.append(shape()[axis]);
  }
  return view(permuted, steps, 0);
}

Tensor Tensor::transpose() const {
  if (rank() < 2) fail<ShapeError>("transpose: at least two axes: shape {}", shape());
  Shape swapped = shape();
  Strides steps = strides();
  swapped.set(rank() - 1, shape()[rank() - 2]);
  swapped.set(rank() - 2, shape()[rank() - 1]);
  std::swap(steps[static_cast<std::size_t>(rank() - 1)],
            steps[static_cast<std::size_t>(rank() - 2)]);
  return view(swapped, steps, 0);
}

Tensor Tensor::slice(int axis, std::int64_t start, std::int64_t stop) const {
  if (axis < 0 || axis >= rank() || start < 0 || stop < start || stop > shape()[axis]) {
    fail<ShapeError>("slice: needs 0 <= start <= stop <= extent: axis {} from {} to {} of {}", axis,
                     start, stop, shape());
  }
  Shape sliced = shape();
  sliced.set(axis, stop - start);
  return view(sliced, strides(), start * strides()[static_cast<std::size_t>(axis)]);
}

Tensor Tensor::select(int axis, std::int64_t index) const {
  if (axis < 0 || axis >= rank() || index < 0 || index >= shape()[axis]) {
    fail<ShapeError>("select: axis and index must exist: axis {}, index {} of {}", axis, index,
                     shape());
  }
  Shape rest;
  Strides steps{};
  for (int at = 0; at < rank(); ++at) {
    if (at == axis) continue;
    steps[static_cast<std::size_t>(rest.rank())] = strides()[static_cast<std::size_t>(at)];
    rest.append(shape()[at]);
  }
  return view(rest, steps, index * strides()[static_cast<std::size_t>(axis)]);
}

Tensor Tensor::expand(const Shape& target) const {
  if (!broadcasts_to(shape(), target)) {
    fail<ShapeError>("expand: x must broadcast to the shape: x {} · {}", shape(), target);
  }
  const int shift = target.rank() - rank();
  Strides steps{};
  for (int axis = 0; axis < rank(); ++axis) {
    if (shape()[axis] == target[axis + shift]) {
      steps[static_cast<std::size_t>(axis + shift)] = strides()[static_cast<std::size_t>(axis)];
    }
  }
  return view(target, steps, 0);
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

Tensor Tensor::clone() const { return kernels::copy(*this); }

Tensor Tensor::to(DType target) const {
  return target == dtype() ? *this : kernels::cast(*this, target);
}

bool equal_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return false;
  const Tensor x = a.contiguous();
  const Tensor y = b.contiguous();
  return dispatch(a.dtype(), [&]<class T>(Type<T>) {
    const auto bytes = static_cast<std::size_t>(x.size()) * sizeof(T);
    return bytes == 0 || std::memcmp(x.data<T>(), y.data<T>(), bytes) == 0;
  });
}

std::uint64_t hash_bits(const Tensor& tensor, std::uint64_t seed) {
  std::uint64_t hash = seed ^ 0xcbf29ce484222325u;  // FNV-1a, 64 bit
  const auto mix = [&](const void* bytes, std::size_t count) {
    const auto* byte = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < count; ++i) hash = (hash ^ byte[i]) * 0x100000001b3u;
  };
  const Tensor packed = tensor.contiguous();
  const DType dtype = packed.dtype();
  const int rank = packed.rank();
  mix(&dtype, sizeof dtype);
  mix(&rank, sizeof rank);
  for (const std::int64_t extent : packed.shape()) mix(&extent, sizeof extent);
  dispatch(dtype, [&]<class T>(Type<T>) {
    mix(packed.data<T>(), static_cast<std::size_t>(packed.size()) * sizeof(T));
  });
  return hash;
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  constexpr std::int64_t kMostShown = 32;
  std::string text = formatted("{} {}", tensor.dtype(), tensor.shape());
  if (tensor.size() <= kMostShown) {
    text += formatted(" {{{}}}", joined_numbers(tensor.values(), "{:.6g}"));
  }
  return out << text;
}

}  // namespace taskgrad
