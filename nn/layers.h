// Layers: affine maps, activations and their composition.
#pragma once

#include <taskgrad/core/labels.h>
#include <taskgrad/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace taskgrad::nn {

/// y = x W' + b with x [..., in], W [out, in], b [out]. Both start as U(-1/sqrt(in), 1/sqrt(in)).
class Linear : public Layer {
 public:
  Linear(std::int64_t in, std::int64_t out);
  Var operator()(const Var& x) const override;
  void visit(Visitor& visitor) override;

  Parameter weight;
  Parameter bias;
};

class Relu : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

class Gelu : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

class Tanh : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

class Sigmoid : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

class Softplus : public Layer {
 public:
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}
};

class LeakyRelu : public Layer {
 public:
  explicit LeakyRelu(double slope = 0.01) : slope_(slope) {}
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}

 private:
  double slope_;
};

class Elu : public Layer {
 public:
  explicit Elu(double alpha = 1) : alpha_(alpha) {}
  Var operator()(const Var& x) const override;
  void visit(Visitor&) override {}

 private:
  double alpha_;
};

/// A row a label, [labels..., features]; the table starts as N(0, 1), as PyTorch has it.
class Embedding : public Module {
 public:
  Embedding(std::int64_t labels, std::int64_t features);
  Var operator()(const Labels& labels) const;
  void visit(Visitor& visitor) override;

  Parameter table;
};

/// Layers one after the other, named "0", "1", ... A Linear with a Relu behind it is one op,
/// linear_relu.
class Sequential : public Layer {
 public:
  Sequential() = default;
  template <class... Layers>
  explicit Sequential(Layers... layers) {
    (add(std::move(layers)), ...);
  }
  template <class L>
  Sequential& add(L layer) {
    layers_.push_back(std::make_unique<L>(std::move(layer)));
    return *this;
  }

  Var operator()(const Var& x) const override;
  void visit(Visitor& visitor) override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace taskgrad::nn
