// Where the time of a computation goes.
#pragma once

#include <taskgrad/autograd/observer.h>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace taskgrad {

/// While it lives, counts and times every op on this thread, by order of derivative.
///
///   Profile profile;
///   train_a_step();
///   profile.print(std::cout);
class Profile : public Observer {
 public:
  struct Row {
    std::string name;  ///< of the op; "(rules)" for what rules do between their ops
    int order;         ///< of derivative: 0 forward, 1 gradient, 2 gradient of a gradient
    std::int64_t calls;
    double seconds;
    std::int64_t bytes;  ///< of results
  };

  /// Most seconds first.
  std::vector<Row> rows() const;
  /// A table with a line an op and order, and a sum for each order.
  void print(std::ostream& out) const;

  void before_op(const OpEvent& event) override;
  void after_op(const OpEvent& event) override;
  void before_vjp(const VjpEvent& event) override;
  void after_vjp(const VjpEvent& event) override;

 private:
  Row& row(std::string_view name, int order);

  std::map<std::pair<std::string, int>, Row> rows_;
  double op_start_ = 0, rule_start_ = 0;  // seconds since some moment
  double in_ops_ = 0;                     // seconds of ops since the rule began
};

}  // namespace taskgrad
