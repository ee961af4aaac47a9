#include <taskgrad/autograd/node.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/memory.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

namespace taskgrad {
namespace {

// Plain data, so that it stays valid while other statics of the thread are torn down.
struct ThreadState {
  std::uint64_t last_id;
  std::int64_t live_nodes;
  Node* dead;            // waiting for destruction, linked through the place of the id
  std::uint16_t number;  // of the thread; 0 until it makes a node
  std::uint8_t order;    // of the grad() that is under way
  bool draining;
  bool not_recording;
};
thread_local constinit ThreadState state{};

constexpr int kMostOrder = 255;

std::size_t bytes_of(const Node& node) {
  return sizeof(Node) + node.arity * sizeof(Node*) + node.attribute_bytes;
}

std::uint16_t thread_number() {
  static std::atomic<std::uint16_t> last = 0;
  while (state.number == 0) state.number = ++last;
  return state.number;
}

Node* make_node(const OpType* op, Tensor value, bool tracked, std::size_t arity = 0,
                std::size_t attribute_bytes = 0) {
  void* block = memory::allocate(sizeof(Node) + arity * sizeof(Node*) + attribute_bytes);
  ++state.live_nodes;
  return new (block) Node{1,
                          0,
                          ++state.last_id,
                          op,
                          std::move(value),
                          static_cast<std::uint16_t>(arity),
                          static_cast<std::uint16_t>(attribute_bytes),
                          thread_number(),
                          state.order,
                          tracked};
}

// A dead node's id is no longer needed: its place holds the link of the list of dead nodes.
void push_dead(Node* node) noexcept {
  std::memcpy(&node->id, &state.dead, sizeof state.dead);
  state.dead = node;
}

Node* pop_dead() noexcept {
  Node* node = state.dead;
  std::memcpy(&state.dead, &node->id, sizeof state.dead);
  return node;
}

// A loop instead of recursion: a chain of a million nodes must not use a million stack frames.
void destroy(Node* first) noexcept {
  push_dead(first);
  if (state.draining) return;
  state.draining = true;
  while (state.dead != nullptr) {
    Node* node = pop_dead();
    for (std::size_t i = 0; i < node->arity; ++i) {
      Node* input = node->inputs()[i];
      if (--input->references == 0) push_dead(input);
    }
    const std::size_t bytes = bytes_of(*node);
    if (node->attribute_bytes != 0 && node->op->destroy_attributes != nullptr) {
      node->op->destroy_attributes(node->attributes());
    }
    node->~Node();
    memory::deallocate(node, bytes);
    --state.live_nodes;
  }
  state.draining = false;
}

}  // namespace

static_assert(sizeof(void*) <= sizeof(std::uint64_t));

void Var::retain() const noexcept {
  if (node_ != nullptr) ++node_->references;
}

void Var::release() noexcept {
  if (--node_->references == 0) destroy(node_);
  node_ = nullptr;
}

const Tensor& Var::value() const {
  if (node_ == nullptr) fail<GraphError>("Var: a defined handle is needed: this one is empty");
  return node_->value;
}

bool Var::tracked() const { return node_ != nullptr && node_->tracked; }

Var Var::detach() const { return tracked() ? constant(value()) : *this; }

std::uint64_t Var::id() const { return node_ == nullptr ? 0 : node_->id; }

std::string_view Var::op() const {
  if (node_ == nullptr) return "undefined";
  if (node_->op != nullptr) return node_->op->info.name;
  return node_->tracked ? "leaf" : "constant";
}

Var leaf(Tensor value) {
  if (!value.defined()) fail<GraphError>("leaf: a defined tensor is needed: this one is empty");
  return NodeAccess::adopt(make_node(nullptr, std::move(value), true));
}

Var constant(Tensor value) {
  if (!value.defined()) fail<GraphError>("constant: a defined tensor is needed: this one is empty");
  return NodeAccess::adopt(make_node(nullptr, std::move(value), false));
}

Var constant(double value, DType dtype) { return constant(Tensor::scalar(value, dtype)); }

NoGrad::NoGrad() : previous_(internal::recording()) { state.not_recording = true; }
NoGrad::~NoGrad() { state.not_recording = !previous_; }

std::int64_t live_nodes() noexcept { return state.live_nodes; }

Var NodeAccess::share(Node* node) noexcept {
  ++node->references;
  return Var(node);
}

Tensor NodeAccess::take_value(Var&& var) {
  Tensor value = var.node_->references == 1 ? std::move(var.node_->value) : var.node_->value;
  var = Var();
  return value;
}

namespace internal {

bool recording() noexcept { return !state.not_recording; }

Recording::Recording(bool on, int order) noexcept
    : previous_(recording()), previous_order_(state.order) {
  state.not_recording = !on;
  state.order = static_cast<std::uint8_t>(std::clamp<int>(order, state.order, kMostOrder));
}
Recording::~Recording() {
  state.not_recording = !previous_;
  state.order = previous_order_;
}

int order_of(std::span<const Var* const> inputs) noexcept {
  int order = state.order;
  for (const Var* input : inputs) {
    order = std::max<int>(order, NodeAccess::node(*input)->order);
  }
  return order;
}

void check_thread(const Node& node) {
  if (node.arity == 0 || node.thread == state.number) return;
  fail<GraphError>(
      "graph: one thread builds and uses a graph: '{}' #{} was made by another thread [give it "
      "leaves or detached values, or build the graph on the thread that uses it]",
      node.op->info.name, node.id);
}

Var record(const OpType& op, Tensor value, std::span<const Var* const> inputs,
           const void* attributes, std::size_t attribute_bytes) {
  bool tracked = false;
  for (const Var* input : inputs) {
    const Node& node = *NodeAccess::node(*input);
    check_thread(node);
    tracked = tracked || node.tracked;
  }
  if (!tracked || !recording()) {
    Node* node = make_node(&op, std::move(value), false);
    node->order = static_cast<std::uint8_t>(order_of(inputs));
    return NodeAccess::adopt(node);
  }
  for (const Var* input : inputs) {  // one handed over by another thread may have a later number
    state.last_id = std::max(state.last_id, input->id());
  }
  Node* node = make_node(&op, std::move(value), true, inputs.size(), attribute_bytes);
  node->order = static_cast<std::uint8_t>(order_of(inputs));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Node* input = NodeAccess::node(*inputs[i]);
    ++input->references;
    node->inputs()[i] = input;
  }
  if (attribute_bytes == 0) return NodeAccess::adopt(node);
  if (op.copy_attributes != nullptr) {
    op.copy_attributes(node->attributes(), attributes);
  } else {
    std::memcpy(node->attributes(), attributes, attribute_bytes);
  }
  return NodeAccess::adopt(node);
}

}  // namespace internal
}  // namespace taskgrad
