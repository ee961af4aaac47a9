// Var: a value in a computation graph. The graph is immutable; gradients are returned by grad(),
// never stored in it.
//
// A Var is a counted handle to a node {value, op, inputs, id}. Inputs exist before outputs and ids
// grow, so the order of creation is a topological order. A graph belongs to the thread that built
// it.
#pragma once

#include <taskgrad/core/tensor.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace taskgrad {

struct Node;

class Var {
 public:
  /// An undefined handle.
  Var() = default;
  Var(const Var& other) noexcept : node_(other.node_) { retain(); }
  Var(Var&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Var& operator=(Var other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Var() {
    if (node_ != nullptr) release();
  }

  bool defined() const noexcept { return node_ != nullptr; }
  const Tensor& value() const;
  const Shape& shape() const { return value().shape(); }
  DType dtype() const { return value().dtype(); }
  /// The number in a Var of one element. Throws ShapeError otherwise.
  double item() const { return value().item(); }

  /// Whether a gradient can reach this value: a leaf, or made from one while recording.
  bool tracked() const;
  /// The same value as a constant: no gradient passes.
  Var detach() const;
  /// Position in the order of creation on this thread, starting at 1.
  std::uint64_t id() const;
  /// Name of the op that made it; "leaf" or "constant" without one.
  std::string_view op() const;

 private:
  friend struct Node;
  friend struct NodeAccess;
  explicit Var(Node* node) noexcept : node_(node) {}
  void retain() const noexcept;
  void release() noexcept;

  Node* node_ = nullptr;
};

/// A value that gradients are asked for.
Var leaf(Tensor value);
/// A value that no gradient passes.
Var constant(Tensor value);
Var constant(double value, DType dtype);

/// While it lives, operations on this thread are not recorded: results are constants. (A grad()
/// with create_graph records its own.)
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool previous_;
};

/// Graph nodes that exist on this thread, to see that nothing is kept.
std::int64_t live_nodes() noexcept;

}  // namespace taskgrad
