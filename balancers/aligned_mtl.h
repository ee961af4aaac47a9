// Aligned-MTL: make the task gradients orthogonal and of one length, with the least change
// (Senushkin et al., "Independent component alignment for multi-task learning", CVPR 2023).
//
//   M = V diag(l) V',  B = sqrt(s) V diag(l)^(-1/2) V',   d = sum_i w_i (B J)_i,  w = 1/K
//
// over the eigenvalues l above l_max K eps(f32), with s the smallest of those (or their median or
// mean): the aligned rows B J are orthogonal and of length sqrt(s) when M has full rank. With
// Scope::representation the gradients are taken at the trunk's output (Aligned-MTL-UB).
//
// Cost: K passes; K short ones and one through the trunk for the upper bound. No state. Public
// code: LibMTL sums (w = 1); the paper and TorchJD have w = 1/K. d jumps where the rank drops.
#pragma once

#include <taskgrad/balancers/balancer.h>

namespace taskgrad {

/// The square of the length of aligned rows: the smallest kept eigenvalue, their median (the lower
/// of the two middle ones), or their mean, whose root is the root mean square of singular values.
enum class AlignedScale { min, median, rmse };

struct AlignedMtlOptions {
  AlignedScale scale = AlignedScale::min;
  Scope scope = Scope::parameters;
};

class AlignedMtl : public Aggregator {
 public:
  explicit AlignedMtl(AlignedMtlOptions options = {}) : options_(options) {}
  std::string_view name() const override { return "aligned_mtl"; }
  Vec gramian_weights(const Matrix& gramian, const Present& present) override;
  /// B, a row of which aligns one task.
  Matrix balance(const Matrix& gramian) const;

 protected:
  Scope scope() const override { return options_.scope; }

 private:
  AlignedMtlOptions options_;
};

}  // namespace taskgrad
