// What is measured: a training step, by one of several entrants that must all do the same work.
// Plain numbers only: the headers of libtorch and Eigen stay inside the entrants that need them.
#pragma once

#include <cstdint>
#include <vector>

namespace bench {

/// How the losses of the tasks are joined: by their sum; by GradNorm with dL_grad/dw from the
/// closed form; by GradNorm through the graph of the gradients. The last two compute the same
/// numbers.
enum class Balance { plain, closed_form, second_order };

// Of GradNorm, in its linear form, and of Adam. The same for all entrants.
inline constexpr double kAlpha = 0.12;
inline constexpr double kWeightLr = 0.025;
inline constexpr double kMinWeight = 1e-4;
inline constexpr double kLr = 1e-3;

/// A trunk of four Linear+ReLU layers and one affine head a task, mean squared losses; f32. The
/// sizes are those of the paper's toy unless given. GradNorm's W is the last weight of the trunk.
struct MlpSizes {
  int tasks = 2;
  int batch = 100;
  int inputs = 250;
  int width = 100;
  int outputs = 100;
};
inline constexpr int kMlpLayers = 4;

using Parameters = std::vector<std::vector<float>>;

/// What every entrant starts from; matrices are row-major.
struct MlpProblem {
  MlpSizes sizes;
  Parameters parameters;  ///< weight [out, in] and bias of each layer, then of each head
  std::vector<float> x;   ///< [batch, inputs]
  std::vector<float> y;   ///< [tasks, batch, outputs]
};

/// Images 28 x 28, two convolutions of 5 x 5 (10 and 20 channels), each with a 2 x 2 max pool and
/// ReLU, a Linear+ReLU layer of 50 (W is its weight), and two heads of ten classes with cross
/// entropy: the network of the MultiMNIST papers.
struct LenetProblem {
  int batch = 256;
  Parameters parameters;
  std::vector<float> x;              ///< [batch, 1, 28, 28]
  std::vector<std::int64_t> labels;  ///< [2, batch]
};
inline constexpr int kLenetTasks = 2;
inline constexpr int kLenetChannels[] = {10, 20};
inline constexpr int kLenetFeatures = 320;  // 20 channels of 4 x 4
inline constexpr int kLenetWidth = 50;
inline constexpr int kLenetClasses = 10;

/// One entrant in the middle of training. Every step uses the same batch.
class Trainer {
 public:
  virtual ~Trainer() = default;
  /// Losses, gradients, updates of the network and, for GradNorm, of the weights of the tasks.
  virtual void step() = 0;
  /// The losses that the last step began with.
  virtual std::vector<double> losses() const = 0;
  /// The weights of the tasks now; ones for Balance::plain.
  virtual std::vector<double> weights() const = 0;
  /// The parameters now, in the order of the problem.
  virtual Parameters parameters() const = 0;
};

}  // namespace bench
