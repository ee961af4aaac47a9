#include <taskgrad/autograd/op.h>

namespace taskgrad {
namespace {

std::vector<OpEntry>& table() {
  static std::vector<OpEntry> entries;
  return entries;
}

}  // namespace

const std::vector<OpEntry>& registered_ops() { return table(); }

bool internal::register_op(const OpEntry& entry) {
  table().push_back(entry);
  return true;
}

}  // namespace taskgrad
