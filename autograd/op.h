// How an op is written: one struct with info, forward, vjp and samples.
//
//   struct Mul {                                     // d(xy) = y dx + x dy
//     static constexpr OpInfo info{.name = "mul", .formula = "...", .broadcasts = true};
//     static Tensor forward(const Tensor& x, const Tensor& y) { return kernels::mul(x, y); }
//     static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
//       if (c.needs(0)) out[0] = g * c.input(1);
//       if (c.needs(1)) out[1] = g * c.input(0);
//     }
//     static Samples samples() { return samples::binary(); }
//   };
//   const Registered<Mul> registered_mul;
//   Var operator*(const Var& x, const Var& y) { return apply<Mul>(x, y); }
//
// A rule calls public ops, so the derivative of a derivative needs nothing more: with create_graph
// those calls are recorded. An op with parameters has a trivially copyable `struct Attrs`, the
// first argument of forward, read in the rule by `c.attrs<Op>()`. A missing piece does not compile.
#pragma once

#include <taskgrad/autograd/node.h>
#include <taskgrad/autograd/samples.h>

#include <any>
#include <concepts>
#include <span>
#include <type_traits>
#include <vector>

namespace taskgrad {

/// What a rule may see of the node it differentiates.
class Ctx {
 public:
  Ctx(Node* node, std::uint32_t needed) : node_(node), needed_(needed) {}
  /// Whether the cotangent of input i is asked for.
  bool needs(int i) const { return (needed_ >> i) & 1; }
  Var input(int i) const { return NodeAccess::share(node_->inputs()[i]); }
  const Shape& input_shape(int i) const { return node_->inputs()[i]->value.shape(); }
  Var output() const { return NodeAccess::share(node_); }
  template <class Op>
  const typename Op::Attrs& attrs() const {
    return *static_cast<const typename Op::Attrs*>(node_->attributes());
  }

 private:
  Node* node_;
  std::uint32_t needed_;
};

/// Where a rule puts its results; one left undefined is zero.
class Cotangents {
 public:
  explicit Cotangents(std::span<Var> slots) : slots_(slots) {}
  Var& operator[](int i) { return slots_[static_cast<std::size_t>(i)]; }

 private:
  std::span<Var> slots_;
};

/// `static constexpr NotDifferentiable vjp{};` states that an op has no derivative: a gradient that
/// reaches it throws GraphError. Use it on detached inputs where its derivative is zero.
struct NotDifferentiable {};

namespace internal {

template <class Op>
inline constexpr bool kDifferentiable =
    !std::is_same_v<std::remove_cv_t<decltype(Op::vjp)>, NotDifferentiable>;

template <class Op>
constexpr OpType op_type() {
  if constexpr (kDifferentiable<Op>) {
    return {Op::info, &Op::vjp};
  } else {
    return {Op::info, nullptr};
  }
}

template <class Op>
inline constexpr OpType kOpType = op_type<Op>();

template <class Op>
concept HasAttrs = requires {
  typename Op::Attrs;
};

}  // namespace internal

template <class Op>
concept OpDefinition = requires {
  { Op::info } -> std::convertible_to<OpInfo>;
  { Op::samples() } -> std::same_as<Samples>;
  Op::forward;
  Op::vjp;
};

/// Runs the op and records it.
template <OpDefinition Op, std::same_as<Var>... Inputs>
Var apply(const Inputs&... inputs) {
  static_assert(!internal::HasAttrs<Op> && sizeof...(Inputs) <= kMostInputs);
  const Var* const pointers[] = {&inputs...};
  return internal::record(internal::kOpType<Op>, Op::forward(inputs.value()...), pointers, nullptr,
                          0);
}

template <OpDefinition Op, std::same_as<Var>... Inputs>
requires internal::HasAttrs<Op> Var apply(const typename Op::Attrs& attrs,
                                          const Inputs&... inputs) {
  static_assert(std::is_trivially_copyable_v<typename Op::Attrs>);
  static_assert(sizeof...(Inputs) <= kMostInputs);
  const Var* const pointers[] = {&inputs...};
  return internal::record(internal::kOpType<Op>, Op::forward(attrs, inputs.value()...), pointers,
                          &attrs, sizeof attrs);
}

/// A registered op as the table test sees it.
struct OpEntry {
  const OpType* type;
  Samples (*samples)();
  Var (*call)(const std::any& attrs, std::span<const Var> inputs);
};

/// All ops that are linked into the program.
const std::vector<OpEntry>& registered_ops();

namespace internal {

bool register_op(const OpEntry& entry);

template <class F>
struct Arity;
template <class... Args>
struct Arity<Tensor (*)(Args...)> {
  static constexpr std::size_t value = sizeof...(Args);
};

template <class Op>
Var call_with(const std::any& attrs, std::span<const Var> inputs) {
  constexpr bool has_attrs = HasAttrs<Op>;
  constexpr std::size_t arity = Arity<decltype(&Op::forward)>::value - (has_attrs ? 1 : 0);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    if constexpr (has_attrs) {
      return apply<Op>(std::any_cast<const typename Op::Attrs&>(attrs), inputs[I]...);
    } else {
      static_cast<void>(attrs);
      return apply<Op>(inputs[I]...);
    }
  }
  (std::make_index_sequence<arity>());
}

}  // namespace internal

/// Puts an op into the table that tests run through.
template <OpDefinition Op>
struct Registered {
  Registered() {
    internal::register_op({&internal::kOpType<Op>, &Op::samples, &internal::call_with<Op>});
  }
};

}  // namespace taskgrad
