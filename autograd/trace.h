// Watching a gradient happen.
#pragma once

#include <taskgrad/autograd/graph_text.h>
#include <taskgrad/autograd/observer.h>

#include <iosfwd>
#include <string>

namespace taskgrad {

struct TraceOptions {
  /// A pattern such as "tanh*" or "trunk.*": lines whose op or module it matches are printed, and
  /// what happens in a rule that is printed.
  std::string only = "*";
  std::istream* pause = nullptr;  ///< wait for a line from there after each line printed
  Names names = {};               ///< what to call leaves
};

/// While it lives, prints each op and each rule on this thread as it happens: shapes, norms, the
/// formula of the rule, and in front of what a gradient does a d for each order of derivative.
///
///   #3 tanh(x [3]) = [3], norm 1.1
///   d vjp of #3 tanh: y = tanh x; (1 - y^2) dx
///   d   cotangent [3], norm 1.73
///   d   #6 tanh_grad(#5 [3], #3 [3]) = [3], norm 1.2
///   d   d x = [3], norm 1.2
class Trace : public Observer {
 public:
  explicit Trace(std::ostream& out, TraceOptions options = {});

  void after_op(const OpEvent& event) override;
  void before_vjp(const VjpEvent& event) override;
  void after_vjp(const VjpEvent& event) override;

 private:
  bool shows(std::string_view op) const;
  bool shows(const VjpEvent* rule) const;
  void line(int order, const std::string& text);
  std::string name(const Var& var) const;

  std::ostream& out_;
  TraceOptions options_;
};

}  // namespace taskgrad
