// The GradNorm step of the paper's toy problem as written in libtorch, to be measured beside ours.
// No torch header here: they are slow to compile, and their macros clash with other libraries'.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace bench {

/// 250 inputs, a trunk of four Linear+ReLU layers of width 100, one head 100 -> 100 per task; f32.
/// Mean squared loss, alpha 0.12, Adam 1e-3 for the network and 0.025 for the task weights, whose
/// gradient comes from second-order autograd.
class LibtorchGradNorm {
 public:
  /// `threads` holds for the process, until another object is made.
  LibtorchGradNorm(int tasks, int batch, int threads);
  ~LibtorchGradNorm();

  /// x [batch, 250] and y [tasks, batch, 100], row-major; copied.
  void set_batch(const float* x, const float* y);
  /// Sets a parameter: weight [out, in] and bias of the four trunk layers, then of each head.
  void load(int index, const float* values);

  /// Forward pass, gradient norms, network update, weight update.
  void step();
  std::vector<double> weights() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// File of the BLAS that libtorch calls; empty if built in. Say it with every result: the reference
/// BLAS makes the step about ten times slower than OpenBLAS.
std::string libtorch_blas();

}  // namespace bench
