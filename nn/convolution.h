// Layers for images [n, channels, height, width].
#pragma once

#include <taskgrad/autograd/ops.h>
#include <taskgrad/nn/module.h>

#include <array>
#include <cstdint>

namespace taskgrad::nn {

/// conv2d with a bias a channel; weight [out, in / groups, h, w]. Both start as U(-b, b) with
/// b = 1/sqrt(in / groups h w), as PyTorch has it. Throws ConfigError when the groups do not divide
/// the channels.
class Conv2d : public Layer {
 public:
  Conv2d(std::int64_t in, std::int64_t out, std::array<std::int64_t, 2> size,
         Conv2dOptions options = {});
  Var operator()(const Var& x) const override;
  void visit(Visitor& visitor) override;

  Parameter weight;
  Parameter bias;

 private:
  Conv2dOptions options_;
};

class MaxPool2d : public Layer {
 public:
  explicit MaxPool2d(Pool2dOptions options) : options_(options) {}
  Var operator()(const Var& x) const override { return max_pool2d(x, options_); }
  void visit(Visitor&) override {}

 private:
  Pool2dOptions options_;
};

class AvgPool2d : public Layer {
 public:
  explicit AvgPool2d(Pool2dOptions options) : options_(options) {}
  Var operator()(const Var& x) const override { return avg_pool2d(x, options_); }
  void visit(Visitor&) override {}

 private:
  Pool2dOptions options_;
};

/// [n, ...] to [n, product of the rest].
class Flatten : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

}  // namespace taskgrad::nn
