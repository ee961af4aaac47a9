#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <array>

namespace taskgrad {
namespace {

// Marks are one call's alone: a rule that calls grad() would mix them up.
constinit thread_local bool under_way = false;

// One call of grad(): the nodes below y in ascending id, and a cotangent for each. `mark` holds a
// node's position + 1 meanwhile, so a node finds its row without a search.
class Sweep {
 public:
  // Delegates first: from there on the destructor takes the marks back, whatever throws.
  Sweep(Var y, std::span<const Var> inputs) : Sweep(inputs) {
    under_way = true;
    collect(std::move(y));
    needed_.assign(nodes_.size(), kNo);
    cotangents_.resize(nodes_.size());
    gradients_.resize(inputs.size());
    for (const Var& input : inputs) {
      if (const std::uint32_t mark = NodeAccess::node(input)->mark) needed_[mark - 1] = kRequested;
    }
    for (std::size_t row = 0; row < nodes_.size(); ++row) {  // exact pruning
      Node* node = NodeAccess::node(nodes_[row]);
      for (std::size_t i = 0; i < node->arity && needed_[row] == kNo; ++i) {
        const std::uint32_t mark = node->inputs()[i]->mark;
        if (mark != 0 && needed_[mark - 1] != kNo) needed_[row] = kPassed;
      }
    }
  }

  ~Sweep() {
    under_way = false;
    for (const Var& var : nodes_) {
      if (var.defined()) NodeAccess::node(var)->mark = 0;
    }
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  bool reaches(const Var& input) const { return NodeAccess::node(input)->mark != 0; }

  List<Var> run(Var seed, int order) {
    order_ = order;
    cotangents_.back() = std::move(seed);
    for (std::size_t row = nodes_.size(); row-- > 0;) {
      if (needed_[row] != kNo && cotangents_[row].defined()) pass(row);
      NodeAccess::node(nodes_[row])->mark = 0;
      nodes_[row] = Var();  // a graph that was given up is freed as it is passed
    }
    return std::move(gradients_);
  }

 private:
  explicit Sweep(std::span<const Var> inputs) : requested_(inputs) {}

  // Tracked nodes at or below y, found with a work list, sorted into order of creation.
  void collect(Var y) {
    const auto visit = [&](Node* node) {
      if (!node->tracked || node->mark != 0) return;
      nodes_.push_back(NodeAccess::share(node));
      node->mark = 1;
    };
    TASKGRAD_ASSERT(NodeAccess::node(y)->mark == 0);
    visit(NodeAccess::node(y));
    for (std::size_t next = 0; next < nodes_.size(); ++next) {
      Node* node = NodeAccess::node(nodes_[next]);
      for (std::size_t i = 0; i < node->arity; ++i) visit(node->inputs()[i]);
    }
    std::sort(nodes_.begin(), nodes_.end(),
              [](const Var& a, const Var& b) { return a.id() < b.id(); });
    for (std::size_t row = 0; row < nodes_.size(); ++row) {
      NodeAccess::node(nodes_[row])->mark = static_cast<std::uint32_t>(row + 1);
    }
  }

  void pass(std::size_t row) {
    const Var cotangent = std::move(cotangents_[row]);
    Node* node = NodeAccess::node(nodes_[row]);
    for (std::size_t i = 0; needed_[row] == kRequested && i < requested_.size(); ++i) {
      if (NodeAccess::node(requested_[i]) == node) gradients_[i] = cotangent;
    }
    std::uint32_t wanted = 0;
    for (std::size_t i = 0; i < node->arity; ++i) {
      const std::uint32_t mark = node->inputs()[i]->mark;
      if (mark != 0 && needed_[mark - 1] != kNo) wanted |= 1u << i;
    }
    if (wanted == 0) return;
    if (node->op->vjp == nullptr) {
      fail<GraphError>(
          "grad: every op on the way to an input must be differentiable: '{}' is not [detach() its "
          "inputs]",
          node->op->info.name);
    }
    std::array<Var, kMostInputs> slots;
    const std::span<Var> results(slots.data(), node->arity);
    if (Observers::any()) {
      watch(row, wanted, cotangent, results);
    } else {
      run_rule(node, wanted, cotangent, results);
    }
    for (std::size_t i = 0; i < node->arity; ++i) {
      if ((wanted >> i & 1) && slots[i].defined()) {
        accumulate(node->inputs()[i], std::move(slots[i]), node->op->info);
      }
    }
  }

  static void run_rule(Node* node, std::uint32_t wanted, const Var& cotangent,
                       std::span<Var> results) {
    Cotangents out(results);
    node->op->vjp(Ctx(node, wanted), cotangent, out);
  }

  // The same, and the observers are told.
  void watch(std::size_t row, std::uint32_t wanted, const Var& cotangent,
             std::span<Var> results) const {
    Node* node = NodeAccess::node(nodes_[row]);
    std::array<Var, kMostInputs> inputs;
    for (std::size_t i = 0; i < node->arity; ++i) inputs[i] = NodeAccess::share(node->inputs()[i]);
    VjpEvent event{.info = node->op->info,
                   .id = node->id,
                   .output = nodes_[row],
                   .inputs = {inputs.data(), node->arity},
                   .needed = wanted,
                   .cotangent = cotangent,
                   .results = {},
                   .order = order_};
    const Observers::Within within(event);
    Observers::before_vjp(event);
    run_rule(node, wanted, cotangent, results);
    event.results = results;
    Observers::after_vjp(event);
  }

  void accumulate(Node* input, Var contribution, const OpInfo& op) {
    const Shape& shape = input->value.shape();
    if (op.broadcasts && !(contribution.shape() == shape)) {
      contribution = sum_to(contribution, shape);
    }
    if (!(contribution.shape() == shape) || contribution.dtype() != input->value.dtype()) {
      fail<GraphError>("grad: the rule of '{}' must give a cotangent like its input {} {}: {} {}",
                       op.name, input->value.dtype(), shape, contribution.dtype(),
                       contribution.shape());
    }
    Var& total = cotangents_[input->mark - 1];
    if (!total.defined()) {
      total = std::move(contribution);
    } else if (internal::recording() || Observers::any()) {
      total = total + contribution;
    } else {
      total = constant(
          kernels::add_into(NodeAccess::take_value(std::move(total)), contribution.value()));
    }
  }

  std::span<const Var> requested_;
  List<Var> nodes_;
  enum Need : char { kNo, kPassed, kRequested };
  List<Need> needed_;
  List<Var> cotangents_;
  List<Var> gradients_;
  int order_ = 0;
};

Var seed_of(const Var& y, const GradOptions& options) {
  const Var& given = options.cotangent;
  if (!given.defined()) {
    if (y.value().size() != 1) {
      fail<GraphError>("grad: the output must have one element: shape {} [or pass a cotangent]",
                       y.shape());
    }
    return constant(Tensor::full(y.shape(), 1.0, y.dtype()));
  }
  if (!(given.shape() == y.shape()) || given.dtype() != y.dtype()) {
    fail<ShapeError>("grad: the cotangent must be like the output: {} {} for {} {}", given.dtype(),
                     given.shape(), y.dtype(), y.shape());
  }
  return given;
}

}  // namespace

List<Var> grad(Var y, std::span<const Var> inputs, const GradOptions& options) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].tracked()) {
      fail<GraphError>("grad: input {} must be a leaf or depend on one: it is a {} [use leaf()]", i,
                       inputs[i].op());
    }
  }
  if (under_way) {
    fail<GraphError>(
        "grad: a rule or an observer must not call it while it runs [write rules in ops]");
  }
  Var seed = seed_of(y, options);
  if (!options.create_graph) seed = seed.detach();
  const auto zeros_like = [](const Var& input) {
    return constant(Tensor::zeros(input.shape(), input.dtype()));
  };
  const auto refuse = [&](std::size_t i, std::string_view output) {
    fail<GraphError>(
        "grad: every input must be reached from the output: input {} {} is not, from that of '{}' "
        "[pass {{.unused = Unused::zeros}} if intended]",
        i, inputs[i].shape(), output);
  };
  if (!y.tracked()) {
    List<Var> zeros;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (options.unused == Unused::error) refuse(i, y.op());
      zeros.push_back(zeros_like(inputs[i]));
    }
    return zeros;
  }
  internal::check_thread(*NodeAccess::node(y));
  const std::string_view output = y.op();
  const int order = NodeAccess::node(y)->order + 1;
  Sweep sweep(std::move(y), inputs);
  if (options.unused == Unused::error) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!sweep.reaches(inputs[i])) refuse(i, output);
    }
  }
  const internal::Recording recording(options.create_graph, order);
  List<Var> gradients = sweep.run(std::move(seed), order);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].defined()) gradients[i] = zeros_like(inputs[i]);
  }
  return gradients;
}

List<Var> grad(Var y, std::initializer_list<Var> inputs, const GradOptions& options) {
  return grad(std::move(y), std::span<const Var>(inputs.begin(), inputs.size()), options);
}

Var grad(Var y, const Var& input, const GradOptions& options) {
  return std::move(grad(std::move(y), std::span<const Var>(&input, 1), options)[0]);
}

}  // namespace taskgrad
