#include <taskgrad/autograd/numeric_check.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

namespace taskgrad {
namespace {

constexpr std::size_t kMostModules = 100'000;

std::string first_bad(const Tensor& x) {
  const std::vector<double> values = x.values();
  std::size_t at = 0;
  while (std::isfinite(values[at])) ++at;
  const double bad = std::isnan(values[at]) ? NAN : values[at];  // a NaN's sign says nothing
  return formatted("first non-finite value {} at {} of {}", bad,
                   place_in(x.shape(), static_cast<std::int64_t>(at)), x.shape());
}

double largest(const Tensor& x) {
  double most = 0;
  for (const double value : x.values()) {
    if (std::isnan(value)) return value;
    most = std::max(most, std::abs(value));
  }
  return most;
}

}  // namespace

void NumericCheck::after_op(const OpEvent& event) {
  const std::string path = NameScope::path();
  if (!path.empty() && event.output->tracked()) {
    modules_[event.output->id()] = path;
    if (modules_.size() > kMostModules) modules_.erase(modules_.begin());  // the oldest node
  }
  if (kernels::all_finite(event.output->value())) return;

  std::string rule;
  if (const VjpEvent* vjp = event.within) {
    const auto module = modules_.find(vjp->id);
    rule = formatted(" (vjp of '{}' #{}{})", vjp->info.name, vjp->id,
                     module == modules_.end() ? "" : ", " + module->second);
  }
  std::vector<double> inputs;
  for (const Var* input : event.inputs) inputs.push_back(largest(input->value()));
  const std::string text =
      formatted("{}{}: {}: largest inputs {}", event.info.name, rule,
                first_bad(event.output->value()), joined_numbers(inputs, "{:.3g}"));
  if (options_.warn_only == nullptr) fail<NumericError>("{}", text);
  *options_.warn_only << formatted("{}\n", internal::with_scope(text));
}

}  // namespace taskgrad
