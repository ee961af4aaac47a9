// An op of your own, and a check that finds the mistake in its rule.
//
// An op is a value and a rule. The rule gets the cotangent g of the output and says those of the
// inputs, in other ops: then it can be differentiated again, as often as one likes.
#include <taskgrad/core/kernels.h>
#include <taskgrad/taskgrad.h>

#include <iostream>

using namespace taskgrad;

template <int kFactor>  // 3 is right
struct Cube {           // x^3; 3 x^2 dx
  static constexpr OpInfo info{.name = "cube", .formula = "x^3; 3 x^2 dx"};
  static Tensor forward(const Tensor& x) { return kernels::mul(x, kernels::square(x)); }
  static void vjp(const Ctx& c, const Var& g, Cotangents& out) {
    out[0] = g * square(c.input(0)) * kFactor;
  }
};

template <int kFactor>
void check() {
  const Tensor x[] = {Tensor::from({2}, {0.5, 2}, DType::f64)};
  const auto cube = [](std::span<const Var> inputs) { return apply<Cube<kFactor>>(inputs[0]); };
  const GradCheckResult result = check_grad("cube", cube, x);
  std::cout << (result.ok ? "right, to second order" : result.text) << "\n";
}

int main() {
  check<2>();
  check<3>();

  const Var x = leaf(Tensor::scalar(2, DType::f64));
  Var y = apply<Cube<3>>(x);
  for (int order = 1; order <= 3; ++order) {
    y = grad(y, x, {.create_graph = true});
    std::cout << "derivative " << order << " of x^3 at 2: " << y.item() << "\n";
  }
}
