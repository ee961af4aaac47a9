// Tensor: a handle to an immutable, strided block of f32 or f64 numbers.
//
// Copying a Tensor copies the handle. Elements never change once a second handle exists; a kernel
// may reuse a buffer only while its handle is the only one. Reference counts are not atomic: a
// tensor belongs to one thread at a time.
#pragma once

#include <taskgrad/core/dtype.h>
#include <taskgrad/core/shape.h>

#include <cstdint>
#include <iosfwd>
#include <span>
#include <utility>
#include <vector>

namespace taskgrad {

class Tensor {
 public:
  /// An undefined handle; only defined(), assignment and destruction are allowed on it.
  Tensor() = default;
  Tensor(const Tensor& other) noexcept : storage_(other.storage_) { retain(); }
  Tensor(Tensor&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
  Tensor& operator=(Tensor other) noexcept {
    std::swap(storage_, other.storage_);
    return *this;
  }
  ~Tensor() { release(); }

  /// Uninitialised elements, to be written through mutable_data() before the tensor is shared.
  static Tensor empty(const Shape& shape, DType dtype);
  static Tensor full(const Shape& shape, double value, DType dtype);
  static Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0.0, dtype); }
  static Tensor scalar(double value, DType dtype) { return full({}, value, dtype); }
  /// Elements in row-major order, converted to dtype. Throws ShapeError when the count differs.
  static Tensor from(const Shape& shape, std::span<const double> values, DType dtype);
  static Tensor from(const Shape& shape, std::initializer_list<double> values, DType dtype);

  bool defined() const noexcept { return storage_ != nullptr; }
  const Shape& shape() const;
  const Strides& strides() const;
  int rank() const { return shape().rank(); }
  std::int64_t size() const;
  DType dtype() const;
  /// Whether the elements are packed in row-major order.
  bool is_contiguous() const;
  /// Whether this is the only handle, of a packed tensor that owns its buffer.
  bool unique() const noexcept;

  /// First element. Throws DTypeError when T is not the element type. Elements are `strides()`
  /// apart.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(bytes_of(kDTypeOf<T>));
  }
  /// As data(), to write; only while unique() (asserted).
  template <class T>
  T* mutable_data() {
    return static_cast<T*>(const_cast<void*>(bytes_of(kDTypeOf<T>, true)));
  }

  /// The value of a tensor with one element. Throws ShapeError otherwise.
  double item() const;
  /// All elements in row-major order.
  std::vector<double> values() const;

  /// Views: no copy, except reshape of a tensor that is not packed. All throw ShapeError.
  Tensor reshape(const Shape& shape) const;
  Tensor permute(std::span<const int> order) const;
  Tensor transpose() const;  ///< swaps the last two axes
  Tensor slice(int axis, std::int64_t start, std::int64_t stop) const;
  Tensor select(int axis, std::int64_t index) const;  ///< one slice, without its axis
  Tensor expand(const Shape& shape) const;  ///< repeats along axes of extent 1, by stride 0

  Tensor contiguous() const;     ///< itself when packed, else a packed copy
  Tensor clone() const;          ///< always a packed copy
  Tensor to(DType dtype) const;  ///< itself when of that type, else converted

 private:
  struct Storage;  // header and elements in one block; a view's header points to the owner's
  explicit Tensor(Storage* storage) : storage_(storage) {}
  Tensor view(const Shape& shape, const Strides& strides, std::int64_t offset) const;
  const void* bytes_of(DType dtype, bool to_write = false) const;
  void retain() const noexcept;
  void release() noexcept;

  Storage* storage_ = nullptr;
};

/// Whether shape, dtype and the bits of every element are the same.
bool equal_bits(const Tensor& a, const Tensor& b);

/// A 64-bit hash of dtype, shape and element bits, chained through `seed`; equal on every machine
/// of one byte order.
std::uint64_t hash_bits(const Tensor& tensor, std::uint64_t seed = 0);

/// Shape, dtype and, of at most 32, the elements.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace taskgrad
