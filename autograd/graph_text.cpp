#include <taskgrad/autograd/graph_text.h>
#include <taskgrad/autograd/node.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace taskgrad {
namespace {

// In order of creation, with a work list: graphs may be deep.
std::vector<const Node*> nodes_below(std::span<const Var> outputs) {
  std::vector<const Node*> found;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const Node* node) {
    if (seen.insert(node).second) found.push_back(node);
  };
  for (const Var& output : outputs) {
    static_cast<void>(output.value());  // refuses an empty handle
    visit(NodeAccess::node(output));
  }
  for (std::size_t next = 0; next < found.size(); ++next) {
    const Node* node = found[next];
    for (std::size_t i = 0; i < node->arity; ++i) visit(node->inputs()[i]);
  }
  std::sort(found.begin(), found.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  return found;
}

std::string name_of(const Node* node, const Names& names) {
  for (const auto& [name, var] : names) {
    if (NodeAccess::node(var) == node) return name;
  }
  return formatted("#{}", node->id);
}

std::string_view kind(const Node* node) {
  if (node->arity > 0) return node->op->info.name;
  return node->tracked ? "leaf" : "constant";
}

std::string values_of(const Tensor& x) {
  constexpr std::int64_t kMostShown = 4;
  return x.size() <= kMostShown ? formatted("\\n{}", joined_numbers(x.values(), "{:.4g}")) : "";
}

}  // namespace

std::string name_of(const Var& var, const Names& names) {
  static_cast<void>(var.value());  // refuses an empty handle
  return name_of(NodeAccess::node(var), names);
}

void print_graph(std::ostream& out, std::span<const Var> outputs, const Names& names) {
  for (const Node* node : nodes_below(outputs)) {
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < node->arity; ++i) {
      inputs.push_back(name_of(node->inputs()[i], names));
    }
    const std::string number = formatted("#{}", node->id);
    const std::string name = name_of(node, names);
    out << formatted("{}{}{}{} = {}{} {}\n", std::string(node->order, 'd'),
                     node->order > 0 ? " " : "", number, name == number ? "" : " " + name,
                     kind(node), node->arity > 0 ? formatted("({})", joined_words(inputs)) : "",
                     node->value.shape());
  }
}

void to_dot(std::ostream& out, std::span<const Var> outputs, const DotOptions& options) {
  constexpr std::array<std::string_view, 4> kShades{"white", "lightblue", "orange", "tomato"};
  out << formatted(
      "digraph {{\n  rankdir=BT; node [style=filled, fontname=Helvetica, fontsize=11];\n");
  const std::vector<const Node*> nodes = nodes_below(outputs);
  std::unordered_map<const Node*, std::size_t> numbers;  // ids of several threads may be the same
  for (const Node* node : nodes) numbers.emplace(node, numbers.size() + 1);
  for (const Node* node : nodes) {
    const std::string name = name_of(node, options.names);
    const bool named = !name.starts_with('#');
    const bool is_op = node->arity > 0;
    out << formatted("  n{} [label=\"{}{}{}\\n{}{}\", shape={}, fillcolor={}];\n", numbers[node],
                     named ? name : std::string(kind(node)), named && is_op ? " = " : "",
                     named && is_op ? kind(node) : "", node->value.shape(),
                     options.values ? values_of(node->value) : "", is_op ? "box" : "ellipse",
                     kShades[std::min<std::size_t>(node->order, kShades.size() - 1)]);
    for (std::size_t i = 0; i < node->arity; ++i) {
      const Node* input = node->inputs()[i];
      out << formatted("  n{} -> n{}{};\n", numbers[input], numbers[node],
                       input->order < node->order && input->arity > 0 ? " [style=dashed]" : "");
    }
  }
  out << formatted("}}\n");
}

}  // namespace taskgrad
