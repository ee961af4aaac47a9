// Products of matrices and of stacks of them, shared out to threads by rows of tiles (gemm.h).
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/gemm.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>

namespace taskgrad::kernels {
namespace {

// A stack of matrices that repeats as its strides say.
struct Stack {
  Tensor tensor;

  std::int64_t rows() const { return tensor.shape()[tensor.rank() - 2]; }
  std::int64_t columns() const { return tensor.shape()[tensor.rank() - 1]; }

  template <class T>
  MatrixView<const T> matrix(std::int64_t index) const {
    std::int64_t offset = 0;
    for (int axis = tensor.rank() - 3; axis >= 0; --axis) {
      const std::int64_t extent = tensor.shape()[axis];
      offset += index % extent * step(axis);
      index /= extent;
    }
    return {tensor.data<T>() + offset, step(tensor.rank() - 2),
            columns() == 1 ? 1 : step(tensor.rank() - 1)};
  }

 private:
  std::int64_t step(int axis) const { return tensor.strides()[static_cast<std::size_t>(axis)]; }
};

// `leading`: the axes in front of the matrix.
Stack stack_of(const Tensor& x, const Shape& leading) {
  Shape shape = leading;
  shape.append(x.shape()[x.rank() - 2]);
  shape.append(x.shape()[x.rank() - 1]);
  return {x.shape() == shape ? x : x.expand(shape)};
}

// A thread takes a run of tiles, counted through all matrices; each element of C is made by one.
template <class T>
void multiply(const Stack& a, const Stack& b, std::int64_t count, const T* bias, T* c) {
  const GemmCode<T>& code = *gemm_codes<T>()[0];
  const auto product = [&](std::int64_t index) {
    return Gemm<T>{.rows = a.rows(),
                   .inner = a.columns(),
                   .columns = b.columns(),
                   .a = a.matrix<T>(index),
                   .b = b.matrix<T>(index),
                   .bias = bias,
                   .c = c + index * a.rows() * b.columns()};
  };
  const std::int64_t tiles = gemm_tiles(code, a.rows());
  const std::int64_t runs = std::min<std::int64_t>(threads(), count * tiles);
  const std::int64_t scratch_size = gemm_scratch(code, product(0));
  Tensor scratch = Tensor::empty({runs * scratch_size}, kDTypeOf<T>);
  T* const scratch_data = scratch.mutable_data<T>();
  parallel_blocks(runs, count * a.rows() * a.columns() * b.columns(), [&](std::int64_t run) {
    std::int64_t tile = run * count * tiles / runs;
    const std::int64_t last = (run + 1) * count * tiles / runs;
    while (tile < last) {
      const std::int64_t index = tile / tiles;
      const std::int64_t stop = std::min(last, (index + 1) * tiles);
      run_gemm(code, product(index), tile - index * tiles, stop - index * tiles,
               scratch_data + run * scratch_size);
      tile = stop;
    }
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
    multiply<T>(stack_of(a, stack), stack_of(b, stack), stack.size(), nullptr,
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
    multiply<T>({x}, {weight.transpose()}, 1, packed_bias.data<T>(), result.mutable_data<T>());
  });
  return result;
}

}  // namespace taskgrad::kernels
