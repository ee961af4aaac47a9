#include <taskgrad/autograd/grad.h>
#include <taskgrad/balancers/step.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <cmath>

namespace taskgrad {
namespace {

List<Var> values_of(std::span<const nn::NamedParameter> parameters) {
  List<Var> leaves;
  leaves.reserve(parameters.size());
  for (const auto& [name, parameter] : parameters) leaves.push_back(parameter.value());
  return leaves;
}

}  // namespace

Step::Step(List<Var> losses, const nn::MultiTask& model)
    : losses_(std::move(losses)),
      model_(model),
      leaves_(values_of(model.all())),
      anchor_(values_of(model.anchor())) {
  if (tasks() != model.tasks()) {
    fail<ConfigError>("Step: one loss a task: {} tasks · {} losses", model.tasks(), tasks());
  }
  values_ = Vec(tasks());
  for (int i = 0; i < tasks(); ++i) {
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
  }
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

const List<Gradients>& Step::jacobian() {
  for (int i = static_cast<int>(jacobian_.size()); i < tasks(); ++i) {
    ++backward_passes_;
    const std::size_t shared = model_.shared().size();
    const auto head = static_cast<std::size_t>(model_.head(i).data() - model_.all().data());
    List<Var> inputs(leaves_.begin(), leaves_.begin() + static_cast<std::ptrdiff_t>(shared));
    for (std::size_t k = 0; k < model_.head(i).size(); ++k) inputs.push_back(leaves_[head + k]);
    const List<Var> found = grad(loss(i), inputs, {.unused = Unused::zeros});
    Gradients row;
    row.reserve(found.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      const auto& entry = k < shared ? model_.shared()[k] : model_.head(i)[k - shared];
      row.push_back({entry.parameter, found[k].value()});
    }
    jacobian_.push_back(std::move(row));
  }
  return jacobian_;
}

const Matrix& Step::gramian() {
  if (gramian_.columns() == tasks()) return gramian_;
  const List<Gradients>& rows = jacobian();
  List<List<Tensor>> wide(rows.size());  // in f64, so that products of f32 rows keep their digits
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < model_.shared().size(); ++k) {
      wide[i].push_back(rows[i][k].value.to(DType::f64));
    }
  }
  Matrix gramian(tasks(), tasks());
  for (int i = 0; i < tasks(); ++i) {
    for (int j = 0; j <= i; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < model_.shared().size(); ++k) {
        product +=
            kernels::dot(wide[static_cast<std::size_t>(i)][k], wide[static_cast<std::size_t>(j)][k])
                .item();
      }
      gramian(i, j) = gramian(j, i) = product;
    }
  }
  return gramian_ = std::move(gramian);
}

Gradients Step::combine(const Vec& shared_weights, const Vec& head_weights) {
  const List<Gradients>& rows = jacobian();
  Gradients combined;
  combined.reserve(model_.all().size());
  for (std::size_t k = 0; k < model_.shared().size(); ++k) {
    Tensor total = kernels::scale(rows[0][k].value, shared_weights[0]);
    for (int i = 1; i < tasks(); ++i) {
      total = kernels::add_into(
          std::move(total),
          kernels::scale(rows[static_cast<std::size_t>(i)][k].value, shared_weights[i]));
    }
    combined.push_back({model_.shared()[k].parameter, std::move(total)});
  }
  for (int i = 0; i < tasks(); ++i) {
    const Gradients& row = rows[static_cast<std::size_t>(i)];
    for (std::size_t k = model_.shared().size(); k < row.size(); ++k) {
      combined.push_back({row[k].parameter, kernels::scale(row[k].value, head_weights[i])});
    }
  }
  return combined;
}

}  // namespace taskgrad
