#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/fail.h>

#include <charconv>
#include <cmath>
#include <vector>

namespace taskgrad {
namespace {

// Reads options by name and, at the end, refuses those that nobody asked for.
class Reader {
 public:
  Reader(std::string_view method, const BalancerOptions& options)
      : method_(method), options_(options) {}

  double number(const std::string& name, double fallback) {
    const std::string* text = find(name);
    return text == nullptr ? fallback : parse(name, *text);
  }

  Vec numbers(const std::string& name, const Vec& fallback) {
    const std::string* text = find(name);
    if (text == nullptr) return fallback;
    std::vector<double> values;
    for (std::size_t start = 0; start <= text->size();) {
      const std::size_t stop = std::min(text->find(',', start), text->size());
      values.push_back(parse(name, text->substr(start, stop - start)));
      start = stop + 1;
    }
    return Vec(std::span<const double>(values));
  }

  template <class E>
  E choice(const std::string& name, E fallback,
           const std::vector<std::pair<std::string_view, E>>& choices) {
    const std::string* text = find(name);
    if (text == nullptr) return fallback;
    std::vector<std::string_view> valid;
    for (const auto& [word, value] : choices) {
      if (word == *text) return value;
      valid.push_back(word);
    }
    fail<ConfigError>("make_balancer: {} of '{}' is one of {}: '{}'", name, method_,
                      fmt::join(valid, ", "), *text);
  }

  void finish() const {
    for (const auto& [name, text] : options_) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      fail<ConfigError>("make_balancer: '{}' has the options [{}]: '{}'", method_,
                        fmt::join(known_, ", "), name);
    }
  }

 private:
  const std::string* find(const std::string& name) {
    known_.push_back(name);
    const auto found = options_.find(name);
    return found == options_.end() ? nullptr : &found->second;
  }

  double parse(const std::string& name, const std::string& text) const {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || !std::isfinite(value)) {
      fail<ConfigError>("make_balancer: {} of '{}' is a number: '{}'", name, method_, text);
    }
    return value;
  }

  std::string_view method_;
  const BalancerOptions& options_;
  std::vector<std::string> known_;
};

std::unique_ptr<Balancer> make_equal(int tasks, Reader&) { return std::make_unique<Equal>(tasks); }

std::unique_ptr<Balancer> make_static(int tasks, Reader& options) {
  Vec weights = options.numbers("weights", Vec(tasks, 1.0));
  if (weights.size() != tasks) {
    fail<ConfigError>("make_balancer: 'static' needs one weight a task: {} tasks · {} weights",
                      tasks, weights.size());
  }
  return std::make_unique<Static>(std::move(weights));
}

std::unique_ptr<Balancer> make_uncertainty(int tasks, Reader& options) {
  UncertaintyOptions chosen;
  chosen.weight_lr = options.number("weight_lr", chosen.weight_lr);
  chosen.initial_log_variance = options.number("initial_log_variance", chosen.initial_log_variance);
  return std::make_unique<Uncertainty>(tasks, chosen);
}

std::unique_ptr<Balancer> make_gradnorm(int tasks, Reader& options) {
  GradNormOptions chosen;
  chosen.alpha = options.number("alpha", chosen.alpha);
  chosen.weight_lr = options.number("weight_lr", chosen.weight_lr);
  chosen.min_weight = options.number("min_weight", chosen.min_weight);
  chosen.initial_losses = options.numbers("initial_losses", {});
  chosen.path = options.choice<GradNormPath>(
      "path", chosen.path,
      {{"second_order", GradNormPath::second_order}, {"closed_form", GradNormPath::closed_form}});
  chosen.weight_form =
      options.choice<WeightForm>("weight_form", chosen.weight_form,
                                 {{"linear", WeightForm::linear}, {"log", WeightForm::log}});
  return std::make_unique<GradNorm>(tasks, std::move(chosen));
}

// A new method: its own pair of files, one line here, its tests.
struct Method {
  std::string_view name;
  std::unique_ptr<Balancer> (*make)(int tasks, Reader& options);
};
constexpr Method kMethods[] = {
    {"equal", make_equal},
    {"static", make_static},
    {"uncertainty", make_uncertainty},
    {"gradnorm", make_gradnorm},
};

}  // namespace

std::vector<std::string_view> balancer_names() {
  std::vector<std::string_view> names;
  for (const Method& method : kMethods) names.push_back(method.name);
  return names;
}

std::unique_ptr<Balancer> make_balancer(std::string_view name, int tasks,
                                        const BalancerOptions& options) {
  for (const Method& method : kMethods) {
    if (method.name != name) continue;
    if (tasks < 1) fail<ConfigError>("make_balancer: at least one task: {}", tasks);
    Reader reader(name, options);
    std::unique_ptr<Balancer> balancer = method.make(tasks, reader);
    reader.finish();
    return balancer;
  }
  fail<ConfigError>("make_balancer: the name is one of {}: '{}'", fmt::join(balancer_names(), ", "),
                    name);
}

}  // namespace taskgrad
