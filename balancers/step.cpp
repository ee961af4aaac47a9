#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/balancers/step.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace taskgrad {
namespace {

List<Var> values_of(std::span<const nn::NamedParameter> parameters) {
  List<Var> leaves;
  leaves.reserve(parameters.size());
  for (const auto& [name, parameter] : parameters) leaves.push_back(parameter.value());
  return leaves;
}

// J J' over the first `shared` tensors of each row, in f64: products of f32 rows keep their digits.
Matrix gramian_of(const List<List<Tensor>>& rows, std::size_t shared) {
  const int tasks = static_cast<int>(rows.size());
  List<List<Tensor>> wide(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < shared && !rows[i].empty(); ++k) {
      wide[i].push_back(rows[i][k].to(DType::f64));
    }
  }
  Matrix gramian(tasks, tasks);
  for (int i = 0; i < tasks; ++i) {
    for (int j = 0; j <= i; ++j) {
      const List<Tensor>& x = wide[static_cast<std::size_t>(i)];
      const List<Tensor>& y = wide[static_cast<std::size_t>(j)];
      double product = 0;
      for (std::size_t k = 0; k < std::min(x.size(), y.size()); ++k) {
        product += kernels::dot(x[k], y[k]).item();
      }
      gramian(i, j) = gramian(j, i) = product;
    }
  }
  return gramian;
}

// One that is not scaled is not copied.
Tensor scaled(const Tensor& x, double factor) {
  return factor == 1 ? x : kernels::scale(x, factor);
}

// sum_i weights[i] rows[i][k] over the rows that are there.
Tensor weighted_sum(const List<List<Tensor>>& rows, std::size_t k, const Vec& weights) {
  Tensor total;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    Tensor term = scaled(rows[i][k], weights[static_cast<int>(i)]);
    total = total.defined() ? kernels::add_into(std::move(total), term) : std::move(term);
  }
  return total;
}

}  // namespace

Step::Step(List<Var> losses, const nn::MultiTask& model, StepOptions options)
    : losses_(std::move(losses)),
      model_(model),
      options_(std::move(options)),
      leaves_(values_of(model.all())),
      anchor_(values_of(model.anchor())) {
  if (tasks() != model.tasks()) {
    fail<ConfigError>("Step: one loss a task: {} tasks · {} losses", model.tasks(), tasks());
  }
  values_ = Vec(tasks(), std::numeric_limits<double>::quiet_NaN());
  for (int i = 0; i < tasks(); ++i) {
    if (!is_present(i)) continue;
    if (loss(i).value().size() != 1) {
      fail<ConfigError>("Step: losses are scalars: loss {} has shape {}", i, loss(i).shape());
    }
    if (!loss(i).tracked()) {
      fail<GraphError>(
          "Step: losses depend on the model: loss {} is a constant [was it made under "
          "NoGrad?]",
          i);
    }
    values_[i] = loss(i).item();
    if (!std::isfinite(values_[i])) {
      fail<NumericError>("Step: losses must be finite: loss {} is {}", i, values_[i]);
    }
    present_.tasks.push_back(i);
  }
  if (present_.tasks.empty()) {
    fail<ConfigError>("Step: at least one task is present: none of {} has a loss", tasks());
  }
  present_.losses = gather(values_, present_.tasks);
}

std::span<const Var> Step::head(int task) const {
  const std::span<const nn::NamedParameter> head = model_.head(task);
  const auto first = static_cast<std::size_t>(head.data() - model_.all().data());
  return std::span(leaves_).subspan(first, head.size());
}

Var Step::weighted(const Vec& weights) const {
  Var total;
  for (const int task : present_.tasks) {
    const Var term = loss(task) * weights[task];
    total = total.defined() ? total + term : term;
  }
  return total;
}

Gradients Step::of(const Var& objective) {
  List<Tensor> none;
  return of(objective, {}, none);
}

Gradients Step::of(const Var& objective, std::span<const Var> own, List<Tensor>& own_gradients) {
  ++backward_passes_;
  List<Var> inputs = leaves_;
  inputs.insert(inputs.end(), own.begin(), own.end());
  const List<Var> found = grad(objective, inputs, {.unused = Unused::zeros});
  Gradients gradients;
  gradients.reserve(model_.all().size());
  for (const auto& [name, parameter] : model_.all()) {
    gradients.push_back({parameter, found[gradients.size()].value()});
  }
  for (std::size_t i = gradients.size(); i < found.size(); ++i) {
    own_gradients.push_back(found[i].value());
  }
  return gradients;
}

Step::Rows& Step::rows_of(Scope scope) {
  Rows& rows = scope == Scope::parameters ? parameters_ : representation_;
  if (!rows.gradients.empty()) return rows;
  List<Var> inputs;
  if (scope == Scope::parameters) {
    inputs.assign(leaves_.begin(),
                  leaves_.begin() + static_cast<std::ptrdiff_t>(model_.shared().size()));
  } else if (options_.representation.defined()) {
    inputs.push_back(options_.representation);
  } else {
    fail<ConfigError>(
        "Step: Scope::representation needs the output of the trunk: none was given [pass "
        "{{.representation = model.represent(x)}}]");
  }
  rows.shared = inputs.size();
  List<List<Tensor>> gradients(losses_.size());
  for (const int task : present_.tasks) {
    ++backward_passes_;
    inputs.resize(rows.shared);
    inputs.insert(inputs.end(), head(task).begin(), head(task).end());
    for (const Var& found : grad(loss(task), inputs, {.unused = Unused::zeros})) {
      gradients[static_cast<std::size_t>(task)].push_back(found.value());
    }
  }
  rows.gradients = std::move(gradients);
  return rows;
}

const List<List<Tensor>>& Step::jacobian(Scope scope) { return rows_of(scope).gradients; }

const Matrix& Step::gramian(Scope scope) {
  Rows& rows = rows_of(scope);
  if (rows.gramian.columns() != tasks()) rows.gramian = gramian_of(rows.gradients, rows.shared);
  return rows.gramian;
}

Gradients Step::combine(const Vec& shared_weights, const Vec& head_weights, Scope scope) {
  const Rows& rows = rows_of(scope);
  if (scope == Scope::representation) {
    return pass_down(rows.gradients, shared_weights, head_weights);
  }
  List<Tensor> shared;
  shared.reserve(model_.shared().size());
  for (std::size_t k = 0; k < rows.shared; ++k) {
    shared.push_back(weighted_sum(rows.gradients, k, shared_weights));
  }
  return with_heads(std::move(shared), rows.gradients, rows.shared, head_weights);
}

Gradients Step::pass_down(const List<List<Tensor>>& rows, const Vec& shared_weights,
                          const Vec& head_weights, List<Tensor> anchor) {
  if (!anchor.empty() && anchor.size() != anchor_.size()) {
    fail<ConfigError>("Step::pass_down: all gradients of the anchor or none: {} of {}",
                      anchor.size(), anchor_.size());
  }
  const std::span<const Var> trunk(leaves_.data(), model_.shared().size());
  List<Tensor> shared(trunk.size());
  for (std::size_t j = 0; j < anchor.size(); ++j) {
    const auto at = std::ranges::find(trunk, anchor_[j].id(), &Var::id);
    shared[static_cast<std::size_t>(at - trunk.begin())] = std::move(anchor[j]);
  }
  List<Var> wanted;
  for (std::size_t k = 0; k < trunk.size(); ++k) {
    if (!shared[k].defined()) wanted.push_back(trunk[k]);
  }
  if (!wanted.empty()) {
    ++backward_passes_;
    const Var cotangent = constant(weighted_sum(rows, 0, shared_weights));
    const List<Var> found =
        grad(options_.representation, wanted, {.unused = Unused::zeros, .cotangent = cotangent});
    auto next = found.begin();
    for (Tensor& gradient : shared) {
      if (!gradient.defined()) gradient = (next++)->value();
    }
  }
  return with_heads(std::move(shared), rows, 1, head_weights);
}

Tensor Step::rows() {
  const List<List<Tensor>>& rows = jacobian();
  List<double> values;
  for (const int task : present_.tasks) {
    for (std::size_t k = 0; k < model_.shared().size(); ++k) {
      const std::vector<double> part = rows[static_cast<std::size_t>(task)][k].values();
      values.insert(values.end(), part.begin(), part.end());
    }
  }
  const auto count = static_cast<std::int64_t>(present_.tasks.size());
  return Tensor::from({count, static_cast<std::int64_t>(values.size()) / count}, values,
                      DType::f64);
}

Gradients Step::assemble(const Tensor& direction, const Vec& head_weights) {
  List<Tensor> shared;
  std::int64_t start = 0;
  for (const auto& [name, parameter] : model_.shared()) {
    const std::int64_t size = parameter.shape().size();
    shared.push_back(
        direction.slice(0, start, start + size).reshape(parameter.shape()).to(dtype()));
    start += size;
  }
  return with_heads(std::move(shared), jacobian(), model_.shared().size(), head_weights);
}

Gradients Step::with_heads(List<Tensor> shared, const List<List<Tensor>>& rows, std::size_t begin,
                           const Vec& head_weights) const {
  Gradients all;
  all.reserve(model_.all().size());
  for (std::size_t k = 0; k < shared.size(); ++k) {
    all.push_back({model_.shared()[k].parameter, std::move(shared[k])});
  }
  for (int task = 0; task < tasks(); ++task) {
    const std::span<const nn::NamedParameter> head = model_.head(task);
    for (std::size_t k = 0; k < head.size(); ++k) {
      const nn::Parameter& parameter = head[k].parameter;
      all.push_back({parameter, is_present(task)
                                    ? scaled(rows[static_cast<std::size_t>(task)][begin + k],
                                             head_weights[task])
                                    : Tensor::zeros(parameter.shape(), dtype())});
    }
  }
  return all;
}

Step Step::batch(int k) const {
  if (!options_.batches) {
    fail<ConfigError>(
        "Step: this method needs further batches: none were given [pass {{.batches = a function "
        "that makes their losses}}]");
  }
  return Step(options_.batches(k), model_);
}

}  // namespace taskgrad
