#include <taskgrad/autograd/node.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/nn/optim.h>

#include <cmath>

namespace taskgrad::nn {
namespace {

void check_option(const char* where, const char* what, double value, bool ok) {
  if (!ok) fail<ConfigError>("{}: {}: {}", where, what, value);
}

std::vector<Tensor> zeros_like(std::span<const NamedParameter> parameters) {
  std::vector<Tensor> all;
  for (const auto& [name, parameter] : parameters) {
    all.push_back(Tensor::zeros(parameter.shape(), parameter.value().dtype()));
  }
  return all;
}

// The same values, each in a buffer that nobody else sees.
void make_unique(std::span<Tensor> values) {
  for (Tensor& value : values) {
    if (!value.unique()) value = value.clone();
  }
}

void save_list(StateDict& state, const std::string& prefix,
               std::span<const NamedParameter> parameters, std::span<const Tensor> values) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    state.tensors[prefix + parameters[i].name] = values[i];
  }
}

std::vector<Tensor> load_list(const StateDict& state, const std::string& prefix,
                              std::span<const NamedParameter> parameters) {
  std::vector<Tensor> values;
  for (const auto& [name, parameter] : parameters) {
    values.push_back(required(state, prefix + name, parameter.shape(), "Optimizer::load")
                         .to(parameter.value().dtype()));
  }
  return values;
}

}  // namespace

Optimizer::Optimizer(std::span<const NamedParameter> parameters)
    : parameters_(parameters.begin(), parameters.end()) {
  for (const auto& [name, parameter] : parameters_) dtypes_.push_back(parameter.value().dtype());
}

void Optimizer::step(std::span<const Gradient> gradients) {
  if (gradients.size() != parameters_.size()) {
    fail<ConfigError>("Optimizer::step: one gradient a parameter: {} parameters · {} gradients",
                      parameters_.size(), gradients.size());
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto& [name, parameter] = parameters_[i];
    if (!(gradients[i].parameter == parameter)) {
      fail<ConfigError>(
          "Optimizer::step: gradients come in the order of the parameters: "
          "number {} is not that of '{}'",
          i, name);
    }
    const Tensor& value = parameter.value().value();
    if (!(gradients[i].value.shape() == value.shape()) ||
        gradients[i].value.dtype() != value.dtype()) {
      fail<ShapeError>("Optimizer::step: a gradient is like its parameter: '{}' is {} {}: {} {}",
                       name, value.dtype(), value.shape(), gradients[i].value.dtype(),
                       gradients[i].value.shape());
    }
    if (value.dtype() != dtypes_[i]) {
      fail<DTypeError>(
          "Optimizer::step: '{}' was {} when the optimizer was made: {} now [make the "
          "optimizer after Module::to]",
          name, dtypes_[i], value.dtype());
    }
    if (!kernels::all_finite(gradients[i].value)) {
      fail<NumericError>("Optimizer::step: gradients must be finite: that of '{}' is not", name);
    }
  }
  List<Move> moves;  // all memory is taken here, before anything changes
  moves.reserve(gradients.size());
  for (const Gradient& gradient : gradients) {
    moves.push_back({Tensor(), gradient.value.contiguous(), gradient.parameter.value()});
  }
  for (Move& move : moves) {
    const Tensor& value = move.next.value();
    // The parameter has it, and this move; of a parameter that is listed twice, another one too.
    const bool unseen = NodeAccess::node(move.next)->references == 2 && value.unique();
    if (unseen && value.is_contiguous()) continue;
    move.before = value.contiguous();
    move.next = leaf(Tensor::empty(value.shape(), value.dtype()));
  }
  update(moves);
  for (std::size_t i = 0; i < moves.size(); ++i) {
    parameters_[i].parameter.set(std::move(moves[i].next));
  }
}

Tensor& Optimizer::Move::next_value() const { return NodeAccess::node(next)->value; }

const Tensor& Optimizer::Move::value() const { return before.defined() ? before : next_value(); }

Sgd::Sgd(std::span<const NamedParameter> parameters, SgdOptions options)
    : Optimizer(parameters), options_(options), velocity_(zeros_like(parameters_)) {
  check_option("Sgd", "lr must be finite and at least 0", options.lr,
               options.lr >= 0 && std::isfinite(options.lr));
  check_option("Sgd", "momentum must lie in [0, 1)", options.momentum,
               options.momentum >= 0 && options.momentum < 1);
  check_option("Sgd", "weight_decay must be at least 0", options.weight_decay,
               options.weight_decay >= 0);
}

void Sgd::update(std::span<const Move> moves) {
  make_unique(velocity_);
  List<kernels::SgdUpdate> updates;
  updates.reserve(moves.size());
  for (std::size_t i = 0; i < moves.size(); ++i) {
    updates.push_back({moves[i].value(), moves[i].next_value(), velocity_[i], moves[i].gradient});
  }
  kernels::sgd(updates, {options_.lr, options_.momentum, options_.weight_decay});
}

StateDict Sgd::state() const {
  StateDict state;
  save_list(state, "velocity.", parameters_, velocity_);
  return state;
}

void Sgd::load(const StateDict& state) { velocity_ = load_list(state, "velocity.", parameters_); }

Adam::Adam(std::span<const NamedParameter> parameters, AdamOptions options)
    : Optimizer(parameters),
      options_(options),
      mean_(zeros_like(parameters_)),
      variance_(zeros_like(parameters_)) {
  check_option("Adam", "lr must be finite and at least 0", options.lr,
               options.lr >= 0 && std::isfinite(options.lr));
  check_option("Adam", "beta1 must lie in [0, 1)", options.beta1,
               options.beta1 >= 0 && options.beta1 < 1);
  check_option("Adam", "beta2 must lie in [0, 1)", options.beta2,
               options.beta2 >= 0 && options.beta2 < 1);
  check_option("Adam", "epsilon must be positive", options.epsilon, options.epsilon > 0);
  check_option("Adam", "weight_decay must be at least 0", options.weight_decay,
               options.weight_decay >= 0);
}

void Adam::update(std::span<const Move> moves) {
  make_unique(mean_);
  make_unique(variance_);
  List<kernels::AdamUpdate> updates;
  updates.reserve(moves.size());
  for (std::size_t i = 0; i < moves.size(); ++i) {
    updates.push_back(
        {moves[i].value(), moves[i].next_value(), mean_[i], variance_[i], moves[i].gradient});
  }
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const kernels::AdamRates rates{.step = options_.lr,
                                 .beta1 = options_.beta1,
                                 .beta2 = options_.beta2,
                                 .epsilon = options_.epsilon,
                                 .decay = options_.weight_decay,
                                 .first_correction = 1 - std::pow(options_.beta1, t),
                                 .second_correction = 1 - std::pow(options_.beta2, t)};
  kernels::adam(updates, rates);
}

StateDict Adam::state() const {
  StateDict state;
  save_list(state, "mean.", parameters_, mean_);
  save_list(state, "variance.", parameters_, variance_);
  state.tensors["steps"] = Tensor::scalar(static_cast<double>(steps_), DType::f64);
  return state;
}

void Adam::load(const StateDict& state) {
  std::vector<Tensor> mean = load_list(state, "mean.", parameters_);
  std::vector<Tensor> variance = load_list(state, "variance.", parameters_);
  steps_ = std::llround(required(state, "steps", {}, "Optimizer::load").item());
  mean_ = std::move(mean);
  variance_ = std::move(variance);
}

}  // namespace taskgrad::nn
