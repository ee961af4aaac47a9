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

// A stack of matrices, each of packed rows, or of packed rows of its transpose.
struct Operand {
  Tensor tensor;
  std::int64_t rows, columns, step;
  bool transposed;

  // Where matrix number `index` of the stack starts.
  std::int64_t offset(std::int64_t index) const {
    std::int64_t offset = 0;
    for (int axis = tensor.rank() - 3; axis >= 0; --axis) {
      const std::int64_t extent = tensor.shape()[axis];
      offset += index % extent * tensor.strides()[static_cast<std::size_t>(axis)];
      index /= extent;
    }
    return offset;
  }
};

// `stack`: the leading axes that x is repeated along.
Operand operand(const Tensor& x, const Shape& stack) {
  const std::int64_t rows = x.shape()[x.rank() - 2];
  const std::int64_t columns = x.shape()[x.rank() - 1];
  const auto row_step = x.strides()[static_cast<std::size_t>(x.rank() - 2)];
  const auto column_step = x.strides()[static_cast<std::size_t>(x.rank() - 1)];
  Shape shape = stack;
  shape.append(rows);
  shape.append(columns);
  const auto repeated = [&](const Tensor& y) { return y.shape() == shape ? y : y.expand(shape); };
  if (x.is_contiguous() || (column_step == 1 && row_step >= columns)) {
    return {repeated(x), rows, columns, std::max<std::int64_t>(row_step, 1), false};
  }
  if (row_step == 1 && column_step >= rows) return {repeated(x), rows, columns, column_step, true};
  return {repeated(x.contiguous()), rows, columns, std::max<std::int64_t>(columns, 1), false};
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

// Calls f with Eigen's view of [row, row + rows) x [column, column + columns) of the matrix at
// data.
template <class T, class F>
void with_block(const Operand& a, const T* data, std::int64_t row, std::int64_t rows,
                std::int64_t column, std::int64_t columns, const F& f) {
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

// C = A B, or C = A B + bias on every row, for each of `count` matrices.
template <class T>
void product(const Operand& a, const Operand& b, std::int64_t count, const T* bias, T* c) {
  fix_blocking();
  const std::int64_t across = (b.columns + kTileColumns - 1) / kTileColumns;
  const std::int64_t down = (a.rows + kTileRows - 1) / kTileRows;
  const std::int64_t cost = count * a.rows * a.columns * b.columns;
  parallel_blocks(count * across * down, cost, [&](std::int64_t block) {
    const std::int64_t index = block / (across * down);
    const std::int64_t tile = block % (across * down);
    const std::int64_t row = tile / across * kTileRows;
    const std::int64_t column = tile % across * kTileColumns;
    const std::int64_t rows = std::min(kTileRows, a.rows - row);
    const std::int64_t columns = std::min(kTileColumns, b.columns - column);
    const T* lhs = a.tensor.data<T>() + a.offset(index);
    const T* rhs = b.tensor.data<T>() + b.offset(index);
    Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>> out(
        c + (index * a.rows + row) * b.columns + column, rows, columns,
        Eigen::OuterStride<>(b.columns));
    with_block<T>(a, lhs, row, rows, 0, a.columns, [&](const auto& left) {
      with_block<T>(b, rhs, 0, b.rows, column, columns, [&](const auto& right) {
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
  if (a.rank() < 2 || b.rank() < 2) {
    fail<ShapeError>("matmul: both sides are matrices or stacks of them: lhs {} · rhs {}",
                     a.shape(), b.shape());
  }
  const std::int64_t rows = a.shape()[a.rank() - 2];
  const std::int64_t inner = a.shape()[a.rank() - 1];
  const std::int64_t columns = b.shape()[b.rank() - 1];
  if (inner != b.shape()[b.rank() - 2]) {
    fail<ShapeError>("matmul: inner dimensions must agree: lhs {} · rhs {}  ({} != {})", a.shape(),
                     b.shape(), inner, b.shape()[b.rank() - 2]);
  }
  check_dtypes("matmul", a, b);
  const auto leading = [](const Tensor& x) {
    return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
  };
  const Shape stack = broadcast_shape("matmul", leading(a), leading(b));
  Shape shape = stack;
  shape.append(rows);
  shape.append(columns);
  if (inner == 0) return Tensor::zeros(shape, a.dtype());
  Tensor result = Tensor::empty(shape, a.dtype());
  if (result.size() == 0) return result;
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    product<T>(operand(a, stack), operand(b, stack), stack.size(), nullptr,
               result.mutable_data<T>());
  });
  return result;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.rank() != 2 || weight.rank() != 2 || bias.rank() != 1) {
    fail<ShapeError>("linear: x [batch, in], weight [out, in], bias [out]: {} · {} · {}", x.shape(),
                     weight.shape(), bias.shape());
  }
  if (x.shape()[1] != weight.shape()[1]) {
    fail<ShapeError>("linear: x must have the features of the weight: x {} · weight {}  ({} != {})",
                     x.shape(), weight.shape(), x.shape()[1], weight.shape()[1]);
  }
  if (bias.shape()[0] != weight.shape()[0]) {
    fail<ShapeError>("linear: one bias an output: weight {} · bias {}", weight.shape(),
                     bias.shape());
  }
  if (x.dtype() != weight.dtype() || x.dtype() != bias.dtype()) {
    fail<DTypeError>(
        "linear: element types must be the same: x {} · weight {} · bias {} [use Tensor::to]",
        x.dtype(), weight.dtype(), bias.dtype());
  }
  const Shape shape{x.shape()[0], weight.shape()[0]};
  if (shape.size() == 0 || x.shape()[1] == 0) return copy(bias.expand(shape));
  Tensor result = Tensor::empty(shape, x.dtype());
  const Tensor packed_bias = bias.contiguous();
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    product<T>(operand(x, {}), flipped(operand(weight, {})), 1, packed_bias.data<T>(),
               result.mutable_data<T>());
  });
  return result;
}

}  // namespace taskgrad::kernels
