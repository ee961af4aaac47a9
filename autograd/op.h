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
// those calls are recorded. An op with parameters has a `struct Attrs`, the first argument of
// forward, read in the rule by `c.attrs<Op>()`. One with a list of inputs takes them as
// `std::span<const Tensor>`. A missing piece does not compile. Samples are for ops that
// are registered; one in a program of yours may do without, and be checked by check_grad.
//
// A function that is made of ops has `compose`, from Vars to a Var, in place of forward and vjp.
#pragma once

#include <taskgrad/autograd/node.h>
#include <taskgrad/autograd/observer.h>
#include <taskgrad/autograd/samples.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/scope.h>

#include <any>
#include <array>
#include <concepts>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace taskgrad {

/// What a rule may see of the node it differentiates.
class Ctx {
 public:
  Ctx(Node* node, std::uint32_t needed) : node_(node), needed_(needed) {}
  /// Whether the cotangent of input i is asked for.
  bool needs(int i) const { return (needed_ >> i) & 1; }
  int inputs() const { return node_->arity; }
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
concept HasAttrs = requires {
  typename Op::Attrs;
};

template <class Op>
constexpr OpType op_type() {
  OpType type{Op::info, nullptr};
  if constexpr (kDifferentiable<Op>) type.vjp = &Op::vjp;
  if constexpr (HasAttrs<Op>) {
    using Attrs = typename Op::Attrs;
    static_assert(sizeof(Attrs) <= 0xffff, "a node keeps at most 65,535 bytes of attributes");
    static_assert(alignof(Attrs) <= alignof(Node*), "attributes lie behind pointers");
    if constexpr (!std::is_trivially_copyable_v<Attrs>) {
      static_assert(std::is_nothrow_copy_constructible_v<Attrs>);
      type.copy_attributes = [](void* to, const void* from) noexcept {
        new (to) Attrs(*static_cast<const Attrs*>(from));
      };
      type.destroy_attributes = [](void* attrs) noexcept { static_cast<Attrs*>(attrs)->~Attrs(); };
    }
  }
  return type;
}

template <class Op>
inline constexpr OpType kOpType = op_type<Op>();

template <class F>
struct Arguments;
template <class Result, class... Args>
struct Arguments<Result (*)(Args...)> {
  static constexpr std::size_t count = sizeof...(Args);
  static constexpr bool list = false;
};
template <class Result, class Attrs, class Input>
struct Arguments<Result (*)(const Attrs&, std::span<const Input>)> {
  static constexpr bool list = true;
};

// Runs and records one op; tells the observers, if there are any.
template <class Forward>
Var run(const OpType& op, std::span<const Var* const> inputs, const void* attributes,
        std::size_t attribute_bytes, const Forward& forward) {
  if (!Observers::any()) return record(op, forward(), inputs, attributes, attribute_bytes);
  for (const Var* input : inputs) static_cast<void>(input->value());  // all are defined
  Observers::before_op(op.info, inputs);
  const Var output = record(op, forward(), inputs, attributes, attribute_bytes);
  Observers::after_op(op.info, inputs, output);
  return output;
}

}  // namespace internal

template <class Op>
concept OpDefinition = requires {
  { Op::info } -> std::convertible_to<OpInfo>;
  Op::forward;
  Op::vjp;
};

template <class F>
concept CompositeDefinition = requires {
  { F::info } -> std::convertible_to<OpInfo>;
  F::compose;
};

/// What the table test needs besides.
template <class Op>
concept HasSamples = requires {
  { Op::samples() } -> std::same_as<Samples>;
};

/// Runs the op and records it.
template <OpDefinition Op, std::same_as<Var>... Inputs>
Var apply(const Inputs&... inputs) {
  static_assert(!internal::HasAttrs<Op> && sizeof...(Inputs) <= kMostInputs);
  const Var* const pointers[] = {&inputs...};
  return internal::run(internal::kOpType<Op>, pointers, nullptr, 0,
                       [&] { return Op::forward(inputs.value()...); });
}

template <OpDefinition Op, std::same_as<Var>... Inputs>
requires internal::HasAttrs<Op> Var apply(const typename Op::Attrs& attrs,
                                          const Inputs&... inputs) {
  static_assert(sizeof...(Inputs) <= kMostInputs);
  const Var* const pointers[] = {&inputs...};
  return internal::run(internal::kOpType<Op>, pointers, &attrs, sizeof attrs,
                       [&] { return Op::forward(attrs, inputs.value()...); });
}

/// The same for an op with a list of at most kMostInputs inputs.
template <OpDefinition Op>
requires internal::HasAttrs<Op> Var apply_list(const typename Op::Attrs& attrs,
                                               std::span<const Var> inputs) {
  TASKGRAD_ASSERT(inputs.size() <= kMostInputs);
  std::array<const Var*, kMostInputs> pointers;
  std::array<Tensor, kMostInputs> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    pointers[i] = &inputs[i];
    values[i] = inputs[i].value();
  }
  return internal::run(
      internal::kOpType<Op>, {pointers.data(), inputs.size()}, &attrs, sizeof attrs,
      [&] { return Op::forward(attrs, std::span<const Tensor>(values.data(), inputs.size())); });
}

/// Runs a function that is made of ops; their errors begin with its name, "huber / sub: ...".
template <CompositeDefinition F, class... Arguments>
Var compose(const Arguments&... arguments) {
  const NameScope scope(F::info.name);
  return F::compose(arguments...);
}

/// A registered op, or a function made of ops, as the table test sees it.
struct OpEntry {
  const OpInfo* info;
  bool differentiable;
  bool composite;
  Samples (*samples)();
  Var (*call)(const std::any& attrs, std::span<const Var> inputs);
};

/// All that are linked into the program.
const std::vector<OpEntry>& registered_ops();

namespace internal {

bool register_op(const OpEntry& entry);

template <class Op, class... Inputs>
Var run_or_compose(const Inputs&... inputs) {
  if constexpr (CompositeDefinition<Op>) {
    return taskgrad::compose<Op>(inputs...);
  } else {
    return apply<Op>(inputs...);
  }
}

template <class Op>
constexpr auto function_of() {
  if constexpr (CompositeDefinition<Op>) {
    return &Op::compose;
  } else {
    return &Op::forward;
  }
}

template <class Op>
Var call(const std::any& attrs, std::span<const Var> inputs) {
  using Traits = Arguments<decltype(function_of<Op>())>;
  if constexpr (Traits::list) {
    return apply_list<Op>(std::any_cast<const typename Op::Attrs&>(attrs), inputs);
  } else if constexpr (HasAttrs<Op>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return run_or_compose<Op>(std::any_cast<const typename Op::Attrs&>(attrs), inputs[I]...);
    }
    (std::make_index_sequence<Traits::count - 1>());
  } else {
    static_cast<void>(attrs);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return run_or_compose<Op>(inputs[I]...);
    }
    (std::make_index_sequence<Traits::count>());
  }
}

template <class Op>
constexpr bool differentiable() {
  if constexpr (CompositeDefinition<Op>) {
    return true;
  } else {
    return kDifferentiable<Op>;
  }
}

}  // namespace internal

/// Puts an op, or a function made of ops, into the table that tests run through.
template <class Op>
requires(OpDefinition<Op> || CompositeDefinition<Op>) && HasSamples<Op> struct Registered {
  Registered() {
    internal::register_op({&Op::info, internal::differentiable<Op>(), CompositeDefinition<Op>,
                           &Op::samples, &internal::call<Op>});
  }
};

}  // namespace taskgrad
