#include <taskgrad/autograd/observer.h>
#include <taskgrad/core/error.h>

namespace taskgrad {

constinit thread_local Observer* Observers::first_ = nullptr;
constinit thread_local const VjpEvent* Observers::rule_ = nullptr;
constinit thread_local bool Observers::telling_ = false;

Observer::Observer() noexcept : next_(Observers::first_) { Observers::first_ = this; }

Observer::~Observer() {  // not always the latest: they may be kept in any order
  Observer** link = &Observers::first_;
  while (*link != nullptr && *link != this) link = &(*link)->next_;
  TASKGRAD_ASSERT(*link == this);  // destroyed on the thread that made it
  if (*link == this) *link = next_;
}

// What observers do themselves is not told: an op in a callback would tell of itself for ever.
template <class Event>
void Observers::tell(void (Observer::*callback)(const Event&), const Event& event) {
  struct Telling {
    Telling() { telling_ = true; }
    ~Telling() { telling_ = false; }
  } const telling;
  for (Observer* each = first_; each != nullptr;) {
    Observer* next = each->next_;  // it may end itself
    (each->*callback)(event);
    each = next;
  }
}

void Observers::before_op(const OpInfo& info, std::span<const Var* const> inputs) {
  tell(&Observer::before_op, OpEvent{info, inputs, internal::order_of(inputs), nullptr, rule_});
}

void Observers::after_op(const OpInfo& info, std::span<const Var* const> inputs,
                         const Var& output) {
  tell(&Observer::after_op, OpEvent{info, inputs, internal::order_of(inputs), &output, rule_});
}

void Observers::before_vjp(const VjpEvent& event) { tell(&Observer::before_vjp, event); }

void Observers::after_vjp(const VjpEvent& event) { tell(&Observer::after_vjp, event); }

}  // namespace taskgrad
