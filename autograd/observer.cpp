#include <taskgrad/autograd/observer.h>

namespace taskgrad {

constinit thread_local Observer* Observers::first_ = nullptr;
constinit thread_local const VjpEvent* Observers::rule_ = nullptr;

Observer::Observer() noexcept : next_(Observers::first_) { Observers::first_ = this; }

Observer::~Observer() {  // not always the latest: they may be kept in any order
  Observer** link = &Observers::first_;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

void Observers::before_op(const OpInfo& info, std::span<const Var* const> inputs) {
  const OpEvent event{info, inputs, internal::order_of(inputs), nullptr, rule_};
  for (Observer* each = first_; each != nullptr; each = each->next_) each->before_op(event);
}

void Observers::after_op(const OpInfo& info, std::span<const Var* const> inputs,
                         const Var& output) {
  const OpEvent event{info, inputs, internal::order_of(inputs), &output, rule_};
  for (Observer* each = first_; each != nullptr; each = each->next_) each->after_op(event);
}

void Observers::before_vjp(const VjpEvent& event) {
  for (Observer* each = first_; each != nullptr; each = each->next_) each->before_vjp(event);
}

void Observers::after_vjp(const VjpEvent& event) {
  for (Observer* each = first_; each != nullptr; each = each->next_) each->after_vjp(event);
}

}  // namespace taskgrad
