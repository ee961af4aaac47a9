// C = A B by Eigen, one tile of C at a time. Eigen's own threading would change bits with the
// number of threads (its blocking depends on it); tiles that depend on the shape alone do not.
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <utility>

namespace taskgrad::kernels {
namespace {

constexpr std::int64_t kTileRows = 64;
constexpr std::int64_t kTileColumns = 256;

// A matrix operand: packed rows, or packed rows of its transpose.
struct Operand {
  Tensor tensor;
  std::int64_t rows, columns, step;
  bool transposed;
};

Operand operand(const Tensor& x) {
  const auto row_step = x.strides()[0];
  const auto column_step = x.strides()[1];
  const std::int64_t rows = x.shape()[0];
  const std::int64_t columns = x.shape()[1];
  if (x.is_contiguous() || (column_step == 1 && row_step >= columns)) {
    return {x, rows, columns, std::max<std::int64_t>(row_step, 1), false};
  }
  if (row_step == 1 && column_step >= rows) return {x, rows, columns, column_step, true};
  return {x.contiguous(), rows, columns, std::max<std::int64_t>(columns, 1), false};
}

// The transpose of what was read; a weight that had to be packed then looks to Eigen, which chooses
// its way by that, like one that was packed from the start.
Operand flipped(Operand x) {
  std::swap(x.rows, x.columns);
  x.transposed = !x.transposed;
  return x;
}

template <class T>
using Matrix = Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>;
template <class T>
using Transposed =
    Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;

// Calls f with Eigen's view of rows and columns [row, row + rows) x [column, column + columns).
template <class T, class F>
void with_block(const Operand& a, std::int64_t row, std::int64_t rows, std::int64_t column,
                std::int64_t columns, const F& f) {
  const T* data = a.tensor.data<T>();
  if (a.transposed) {
    f(Transposed<T>(data + column * a.step + row, rows, columns, Eigen::OuterStride<>(a.step)));
  } else {
    f(Matrix<T>(data + row * a.step + column, rows, columns, Eigen::OuterStride<>(a.step)));
  }
}

// One result for all machines of one instruction set: Eigen's blocking would follow the caches of
// the processor at hand.
void fix_blocking() {
  static const bool fixed = [] {
    Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 8 << 20);
    return true;
  }();
  static_cast<void>(fixed);
}

// C = A B, or C = A B + bias on every row.
template <class T>
void product(const Operand& a, const Operand& b, const T* bias, T* c) {
  fix_blocking();
  const std::int64_t across = (b.columns + kTileColumns - 1) / kTileColumns;
  const std::int64_t down = (a.rows + kTileRows - 1) / kTileRows;
  parallel_blocks(across * down, a.rows * a.columns * b.columns, [&](std::int64_t tile) {
    const std::int64_t row = tile / across * kTileRows;
    const std::int64_t column = tile % across * kTileColumns;
    const std::int64_t rows = std::min(kTileRows, a.rows - row);
    const std::int64_t columns = std::min(kTileColumns, b.columns - column);
    Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>> out(c + row * b.columns + column, rows,
                                                         columns, Eigen::OuterStride<>(b.columns));
    with_block<T>(a, row, rows, 0, a.columns, [&](const auto& left) {
      with_block<T>(b, 0, b.rows, column, columns, [&](const auto& right) {
        if (bias == nullptr) {
          out.noalias() = left * right;
        } else {
          out.rowwise() =
              Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(bias + column, columns);
          out.noalias() += left * right;
        }
      });
    });
  });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.rank() != 2 || b.rank() != 2) {
    fail<ShapeError>("matmul: both sides are matrices: lhs {} · rhs {}", a.shape(), b.shape());
  }
  if (a.shape()[1] != b.shape()[0]) {
    fail<ShapeError>("matmul: inner dimensions must agree: lhs {} · rhs {}  ({} != {})", a.shape(),
                     b.shape(), a.shape()[1], b.shape()[0]);
  }
  if (a.dtype() != b.dtype()) {
    fail<DTypeError>("matmul: element types must be the same: lhs {} · rhs {}", a.dtype(),
                     b.dtype());
  }
  if (a.shape()[1] == 0) return Tensor::zeros({a.shape()[0], b.shape()[1]}, a.dtype());
  Tensor result = Tensor::empty({a.shape()[0], b.shape()[1]}, a.dtype());
  if (result.size() == 0) return result;
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    product<T>(operand(a), operand(b), nullptr, result.mutable_data<T>());
  });
  return result;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.rank() != 2 || weight.rank() != 2 || bias.rank() != 1) {
    fail<ShapeError>("linear: x [batch, in], weight [out, in], bias [out]: {} · {} · {}", x.shape(),
                     weight.shape(), bias.shape());
  }
  if (x.shape()[1] != weight.shape()[1]) {
    fail<ShapeError>("linear: x has {} features, weight {} expects {}", x.shape()[1],
                     weight.shape(), weight.shape()[1]);
  }
  if (bias.shape()[0] != weight.shape()[0]) {
    fail<ShapeError>("linear: one bias an output: weight {} · bias {}", weight.shape(),
                     bias.shape());
  }
  if (x.dtype() != weight.dtype() || x.dtype() != bias.dtype()) {
    fail<DTypeError>("linear: element types must be the same: {} · {} · {}", x.dtype(),
                     weight.dtype(), bias.dtype());
  }
  const Shape shape{x.shape()[0], weight.shape()[0]};
  if (shape.size() == 0 || x.shape()[1] == 0) return copy(bias.expand(shape));
  Tensor result = Tensor::empty(shape, x.dtype());
  const Tensor packed_bias = bias.contiguous();
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    product<T>(operand(x), flipped(operand(weight)), packed_bias.data<T>(),
               result.mutable_data<T>());
  });
  return result;
}

}  // namespace taskgrad::kernels
