#include <taskgrad/autograd/trace.h>
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>

#include <fnmatch.h>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

std::string shape_and_norm(const Var& x) {
  return formatted("{}, norm {:.4g}", x.shape(), kernels::norm(x.value()).item());
}

}  // namespace

Trace::Trace(std::ostream& out, TraceOptions options) : out_(out), options_(std::move(options)) {}

void Trace::after_op(const OpEvent& event) {
  if (!(event.within != nullptr ? shows(event.within) : shows(event.info.name))) return;
  std::vector<std::string> inputs;
  for (const Var* input : event.inputs) {
    inputs.push_back(formatted("{} {}", name(*input), input->shape()));
  }
  const std::string path = NameScope::path();
  line(event.order, formatted("{}#{} {}({}) = {}{}", event.within != nullptr ? "  " : "",
                              event.output->id(), event.info.name, joined_words(inputs),
                              shape_and_norm(*event.output), path.empty() ? "" : "  in " + path));
}

void Trace::before_vjp(const VjpEvent& event) {
  if (!shows(&event)) return;
  line(event.order, formatted("vjp of #{} {}: {}", event.id, event.info.name, event.info.formula));
  line(event.order, formatted("  cotangent {}", shape_and_norm(event.cotangent)));
}

void Trace::after_vjp(const VjpEvent& event) {
  if (!shows(&event)) return;
  for (std::size_t i = 0; i < event.inputs.size(); ++i) {
    const std::string input = name(event.inputs[i]);
    if (!((event.needed >> i) & 1)) {
      line(event.order, formatted("  d {} is not needed", input));
    } else if (!event.results[i].defined()) {
      line(event.order, formatted("  d {} = 0", input));
    } else {
      line(event.order, formatted("  d {} = {}", input, shape_and_norm(event.results[i])));
    }
  }
}

bool Trace::shows(std::string_view op) const {
  const auto matches = [&](const std::string& text) {
    return fnmatch(options_.only.c_str(), text.c_str(), 0) == 0;
  };
  return matches(std::string(op)) || matches(NameScope::path());
}

bool Trace::shows(const VjpEvent* rule) const { return shows(rule->info.name); }

void Trace::line(int order, const std::string& text) {
  out_ << formatted("{}{}{}\n", std::string(static_cast<std::size_t>(order), 'd'),
                    order > 0 ? " " : "", text);
  if (options_.pause != nullptr) {
    out_.flush();
    std::string enter;
    std::getline(*options_.pause, enter);
  }
}

std::string Trace::name(const Var& var) const { return name_of(var, options_.names); }

}  // namespace taskgrad
