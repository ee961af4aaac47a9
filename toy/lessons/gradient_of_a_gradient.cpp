// A gradient of a gradient norm, watched as it happens: the heart of GradNorm in one dimension.
//
//   gradient_of_a_gradient          what happens, line by line
//   gradient_of_a_gradient --dot    the graph, for Graphviz: gradient_of_a_gradient --dot | dot
//   -Tsvg gradient_of_a_gradient --pause  waits for Enter after each line
#include <taskgrad/taskgrad.h>

#include <iostream>
#include <string>

using namespace taskgrad;

int main(int argc, char** argv) {
  const std::string option = argc > 1 ? argv[1] : "";
  const Var w = leaf(Tensor::scalar(1, DType::f64));               // the weight of a task
  const Var v = leaf(Tensor::from({2}, {0.6, -0.8}, DType::f64));  // a layer that tasks share
  const Names names{{"w", w}, {"v", v}};
  const auto loss = [&] { return w * sum(square(tanh(v))); };

  if (option == "--dot") {
    const Var y = loss();
    const Var g = norm(grad(y, v, {.create_graph = true}));
    const Var h = grad(g, w, {.create_graph = true});
    const Var outputs[] = {y, g, h};
    to_dot(std::cout, outputs, {.names = {{"w", w}, {"v", v}, {"L", y}, {"G", g}, {"dG/dw", h}}});
    return 0;
  }

  const Trace trace(std::cout,
                    {.pause = option == "--pause" ? &std::cin : nullptr, .names = names});
  std::cout << "1. the loss: L = w sum tanh(v)^2\n";
  const Var y = loss();
  std::cout << "\n2. its gradient in v, recorded: g = dL/dv\n";
  const Var g = grad(y, v, {.create_graph = true});
  std::cout << "\n3. the norm of the gradient: G = |g|\n";
  const Var n = norm(g);
  std::cout << "\n4. the gradient of the gradient norm in w: dG/dw\n";
  const Var h = grad(n, w);
  std::cout << "\ndG/dw = " << h.item() << ", and G/w = " << n.item() / w.item()
            << ": the norm grows with the weight.\n";
}
