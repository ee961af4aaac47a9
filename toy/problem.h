// The toy problem of the GradNorm paper (Chen et al., ICML 2018, section 4): tasks that differ in
// nothing but their scale,
//
//   y_i = sigma_i tanh((B + eps_i) x),   elements of B from N(0, 10), of eps_i from N(0, 3.5).
//
// What the paper leaves open (the distribution of x, fixed or fresh data, whether 10 and 3.5 are
// deviations or variances) is an option.
#pragma once

#include <taskgrad/core/memory.h>
#include <taskgrad/core/rng.h>
#include <taskgrad/core/tensor.h>

#include <cstdint>
#include <vector>

namespace taskgrad::toy {

/// Elements of x: U(-1, 1); N(0, 1); or U(-1, 1) and then x scaled to Euclidean length 1.
enum class Inputs { uniform, normal, unit };
/// New examples every step, or a fixed set visited in a new random order every epoch.
enum class Data { fresh, fixed };
/// Whether the 10 and 3.5 of N(0, 10) and N(0, 3.5) are standard deviations or variances.
enum class Spread { deviation, variance };

/// The paper's (1, 100) for two tasks; for ten the values that public reproductions read off its
/// figure 2; otherwise log-spaced from 1 to 100.
std::vector<double> default_sigmas(int tasks);

struct ProblemOptions {
  std::vector<double> sigmas = default_sigmas(2);
  Inputs inputs = Inputs::uniform;
  Data data = Data::fresh;
  Spread spread = Spread::deviation;
  DType dtype = DType::f32;
  int input_size = 250;
  int output_size = 100;
  int train_examples = 10'000;  ///< of Data::fixed
  int test_examples = 1'000;

  bool operator==(const ProblemOptions&) const = default;
};

/// Examples: x [size, input_size] and, a task, targets [size, output_size].
struct Batch {
  Tensor x;
  List<Tensor> targets;
};

/// Everything is a function of the stream given: two problems of one stream and the same options
/// have equal bits, whatever was asked of them before. Belongs to one thread, as its tensors do.
class ScaledRegression {
 public:
  /// Throws ConfigError for a sigma that is not positive and finite, or a size below 1.
  ScaledRegression(ProblemOptions options, const Rng& rng);

  /// The training examples of one step.
  Batch batch(std::int64_t step, int size) const;
  /// Examples that training never sees.
  const Batch& test() const { return test_; }
  int tasks() const { return static_cast<int>(options_.sigmas.size()); }
  /// B + eps_i, [output_size, input_size].
  const Tensor& teacher(int task) const { return teachers_[static_cast<std::size_t>(task)]; }

 private:
  struct Epoch {
    std::int64_t number = -1;
    std::vector<std::int64_t> order;
  };
  Batch examples(const Rng& rng, std::int64_t count) const;
  Batch fixed_batch(std::int64_t step, int size) const;

  ProblemOptions options_;
  Rng train_rng_;
  std::vector<Tensor> teachers_;
  Batch test_;
  Batch train_;          // of Data::fixed, else empty
  mutable Epoch epoch_;  // the order last asked for: finding one costs more than a small step
};

}  // namespace taskgrad::toy
