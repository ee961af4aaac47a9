// Finding the first NaN or infinity.
#pragma once

#include <taskgrad/autograd/observer.h>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>

namespace taskgrad {

struct NumericCheckOptions {
  std::ostream* warn_only = nullptr;  ///< print there instead of throwing
};

/// While it lives, every op on this thread is looked at, in forward passes and in derivatives of
/// every order: the first one whose result is not finite throws NumericError, such as
///   tanh_grad (vjp of 'tanh' #1042, trunk.1): first non-finite value nan at [7, 3] of [64, 100]:
///   largest inputs 3.1e+38, 1
/// which names the op, the rule that ran it, the node that was differentiated, the module (if this
/// was there when the node was made), and the place. Cost: a pass over each result.
class NumericCheck : public Observer {
 public:
  explicit NumericCheck(NumericCheckOptions options = {}) : options_(options) {}
  void after_op(const OpEvent& event) override;

 private:
  NumericCheckOptions options_;
  std::map<std::uint64_t, std::string> modules_;  // of nodes, by id
};

}  // namespace taskgrad
