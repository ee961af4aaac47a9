// The node behind a Var and what an op looks like to the engine. For the engine and for op.h; users
// of the library need var.h only.
#pragma once

#include <taskgrad/autograd/var.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace taskgrad {

class Ctx;
class Cotangents;

/// Inputs that one op can have.
inline constexpr std::size_t kMostInputs = 8;

/// What an op declares about itself.
struct OpInfo {
  std::string_view name;
  std::string_view formula;  ///< the value and its derivative in one line
  bool broadcasts = false;   ///< the engine sums each cotangent back to its input's shape
  int linear = 0;  ///< in how many of its first inputs, each while the others are held; tested by
                   ///< adjointness
};

/// An op as the engine sees it: no state, so a rule cannot capture a node and make a cycle.
struct OpType {
  OpInfo info;
  void (*vjp)(const Ctx&, const Var& cotangent, Cotangents& out);  ///< null: not differentiable
  // Of the op's attributes; null where they are plain bytes.
  void (*copy_attributes)(void* to, const void* from) noexcept = nullptr;
  void (*destroy_attributes)(void* attributes) noexcept = nullptr;
};

/// One allocation: the node, then `arity` pointers to inputs, then the op's attributes.
struct Node {
  std::uint32_t references;
  std::uint32_t mark;  // used by grad(): 0 outside of it, else 1 + position in its table
  std::uint64_t id;
  const OpType* op;  // null for leaves and constants
  Tensor value;
  std::uint16_t arity;
  std::uint16_t attribute_bytes;
  std::uint16_t thread;  // which built it
  std::uint8_t order;  // 0: forward; 1: made by a gradient, or from its results; 2: by one of that
  bool tracked;

  Node** inputs() { return reinterpret_cast<Node**>(this + 1); }
  Node* const* inputs() const { return reinterpret_cast<Node* const*>(this + 1); }
  void* attributes() { return inputs() + arity; }
};
static_assert(sizeof(Node) == 40);

/// Between handles and nodes.
struct NodeAccess {
  static Node* node(const Var& var) noexcept { return var.node_; }
  static Var share(Node* node) noexcept;  ///< one more handle
  static Var adopt(Node* node) noexcept { return Var(node); }
  /// The tensor of a handle that is given up; moved out when nobody else holds the node.
  static Tensor take_value(Var&& var);
};

namespace internal {

bool recording() noexcept;

/// Sets whether operations are recorded, and the order of derivative they belong to at least, until
/// it goes out of scope.
class Recording {
 public:
  Recording(bool on, int order) noexcept;
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  bool previous_;
  std::uint8_t previous_order_;
};

/// The order of derivative of an op on these inputs: the largest of theirs and of the grad() that
/// is under way.
int order_of(std::span<const Var* const> inputs) noexcept;

/// Throws GraphError when another thread built the node; leaves and constants are anybody's.
void check_thread(const Node& node);

/// A new node for `op`. Inputs and attributes are kept only if a gradient can pass. Throws
/// GraphError for an input of another thread's graph.
Var record(const OpType& op, Tensor value, std::span<const Var* const> inputs,
           const void* attributes, std::size_t attribute_bytes);

}  // namespace internal
}  // namespace taskgrad
