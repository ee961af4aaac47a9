// Watching a computation: what the engine tells about each op and each rule as it happens. Trace,
// Profile and NumericCheck are observers; a program may bring its own. Without one, an op pays one
// branch.
#pragma once

#include <taskgrad/autograd/node.h>

#include <cstdint>
#include <span>
#include <string>

namespace taskgrad {

/// One call of a rule: the derivative of node `id`, an `info.name`, is pulled back.
struct VjpEvent {
  const OpInfo& info;
  std::uint64_t id;
  const Var& output;            ///< of the op that is differentiated
  std::span<const Var> inputs;  ///< of that op
  std::uint32_t needed;         ///< bit i: the cotangent of input i is asked for
  const Var& cotangent;         ///< of the output
  std::span<const Var>
      results;  ///< of the inputs; undefined where zero or not needed; empty before
  int order;    ///< of the ops that the rule runs
};

/// One op. `order` is 0 for a forward pass, 1 for the work of a gradient and what is made from its
/// results, 2 for that of a gradient of a gradient, and so on.
struct OpEvent {
  const OpInfo& info;
  std::span<const Var* const> inputs;
  int order;
  const Var* output;       ///< null before it has run
  const VjpEvent* within;  ///< the rule that runs it; null in a forward pass
};

/// Is told what happens on its thread from construction to destruction, both there; what observers
/// do in a callback is not told. Whatever one throws passes through the op or the grad() that was
/// under way; a graph that was not given up by std::move is as it was.
class Observer {
 public:
  Observer() noexcept;
  virtual ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void before_op(const OpEvent&) {}
  virtual void after_op(const OpEvent&) {}
  virtual void before_vjp(const VjpEvent&) {}
  virtual void after_vjp(const VjpEvent&) {}

 private:
  friend class Observers;
  Observer* next_;
};

/// The observers of this thread, as the engine calls them.
class Observers {
 public:
  static bool any() noexcept { return first_ != nullptr && !telling_; }
  static void before_op(const OpInfo& info, std::span<const Var* const> inputs);
  static void after_op(const OpInfo& info, std::span<const Var* const> inputs, const Var& output);
  static void before_vjp(const VjpEvent& event);
  static void after_vjp(const VjpEvent& event);

  /// Says which rule runs the ops, until it goes out of scope.
  class Within {
   public:
    explicit Within(const VjpEvent& rule) noexcept : outer_(rule_) { rule_ = &rule; }
    ~Within() { rule_ = outer_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    const VjpEvent* outer_;
  };

 private:
  friend class Observer;
  template <class Event>
  static void tell(void (Observer::*callback)(const Event&), const Event& event);

  static constinit thread_local Observer* first_;
  static constinit thread_local bool telling_;
  static constinit thread_local const VjpEvent* rule_;
};

}  // namespace taskgrad
