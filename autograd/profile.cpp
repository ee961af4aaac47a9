#include <taskgrad/autograd/profile.h>
#include <taskgrad/core/text.h>

#include <algorithm>
#include <chrono>
#include <ostream>

namespace taskgrad {
namespace {

std::int64_t bytes_of(const Tensor& x) {
  return x.size() * static_cast<std::int64_t>(size_of(x.dtype()));
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Profile::Row& Profile::row(std::string_view name, int order) {
  return rows_.try_emplace({std::string(name), order}, Row{std::string(name), order, 0, 0, 0})
      .first->second;
}

void Profile::before_op(const OpEvent&) { op_start_ = seconds_now(); }

void Profile::after_op(const OpEvent& event) {
  const double taken = seconds_now() - op_start_;
  Row& found = row(event.info.name, event.order);
  ++found.calls;
  found.seconds += taken;
  found.bytes += bytes_of(event.output->value());
  in_ops_ += taken;
}

void Profile::before_vjp(const VjpEvent&) {
  in_ops_ = 0;
  rule_start_ = seconds_now();
}

void Profile::after_vjp(const VjpEvent& event) {
  const double taken = seconds_now() - rule_start_;
  Row& found = row("(rules)", event.order);
  ++found.calls;
  found.seconds += std::max(0.0, taken - in_ops_);
}

std::vector<Profile::Row> Profile::rows() const {
  std::vector<Row> all;
  for (const auto& [key, found] : rows_) all.push_back(found);
  std::stable_sort(all.begin(), all.end(),
                   [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return all;
}

void Profile::print(std::ostream& out) const {
  std::map<int, Row> sums;
  Row all{"all", 0, 0, 0, 0};
  for (const auto& [key, found] : rows_) {
    for (Row* total :
         {&sums.try_emplace(key.second, Row{"", key.second, 0, 0, 0}).first->second, &all}) {
      total->calls += key.first == "(rules)" ? 0 : found.calls;
      total->seconds += found.seconds;
      total->bytes += found.bytes;
    }
  }
  const auto line = [&](const Row& found, std::string_view name) {
    out << formatted("{:<14} {:>5} {:>8} {:>10.3f} {:>6.1f}% {:>12.1f}\n", name, found.order,
                     found.calls, found.seconds * 1e3,
                     all.seconds > 0 ? 100 * found.seconds / all.seconds : 0.0,
                     static_cast<double>(found.bytes) / 1024);
  };
  out << formatted("{:<14} {:>5} {:>8} {:>10} {:>7} {:>12}\n", "op", "order", "calls", "ms",
                   "share", "KiB");
  for (const Row& found : rows()) line(found, found.name);
  for (const auto& [order, total] : sums) line(total, "all");
}

}  // namespace taskgrad
