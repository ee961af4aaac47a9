// Products of matrices and of stacks of them, shared out to threads by rows or columns (gemm.h).
#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/gemm.h>
#include <taskgrad/core/kernels/share_work.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

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

// Each result is the sum of A B over as many consecutive matrices as there are terms.
struct Products {
  Stack a, b;
  std::int64_t results = 1;
  std::int64_t terms = 1;
  Tensor bias = {};  // packed, or undefined
  bool relu = false;
};

// A thread takes a run of rows or, where those are fewer, of columns, counted through all results:
// the operand that all of them read, and may have to pack, is the smaller one. Each element of C is
// made by one.
template <class T>
void multiply(const Products& products, T* c) {
  const Stack& a = products.a;
  const Stack& b = products.b;
  const std::int64_t results = products.results;
  const std::int64_t terms = products.terms;
  const GemmCode<T>& code = *gemm_codes<T>()[0];
  const auto product = [&](std::int64_t result, std::int64_t term) {
    return Gemm<T>{.rows = a.rows(),
                   .inner = a.columns(),
                   .columns = b.columns(),
                   .a = a.matrix<T>(result * terms + term),
                   .b = b.matrix<T>(result * terms + term),
                   .bias = products.bias.defined() ? products.bias.data<T>() : nullptr,
                   .c = c + result * a.rows() * b.columns(),
                   .c_row = b.columns(),
                   .add = term > 0,
                   .relu = products.relu};
  };
  const bool by_rows = a.rows() >= b.columns();
  const std::int64_t lines = by_rows ? a.rows() : b.columns();
  const std::int64_t cost = product_cost(results * terms * a.rows() * a.columns() * b.columns());
  const std::int64_t runs = runs_for(cost, results * lines);
  const std::int64_t scratch_size = gemm_scratch(code, product(0, 0));
  Tensor scratch = Tensor::empty({runs * scratch_size}, kDTypeOf<T>);
  T* const scratch_data = scratch.mutable_data<T>();
  share_lines(runs, results, lines, cost,
              [&](std::int64_t result, std::int64_t first, std::int64_t last, std::int64_t run) {
                T* const packed = scratch_data + run * scratch_size;
                for (std::int64_t term = 0; term < terms; ++term) {
                  const Gemm<T> whole = product(result, term);
                  if (by_rows) {
                    run_gemm(code, whole, first, last, packed);
                  } else {
                    run_gemm(code, whole.part(first, last), 0, whole.rows, packed);
                  }
                }
              });
}

Shape leading(const Tensor& x) {
  return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
}

// The stack that the products form.
Shape stack_shape(std::string_view where, const Tensor& a, const Tensor& b) {
  if (a.rank() < 2 || b.rank() < 2) {
    fail<ShapeError>("{}: both sides are matrices or stacks of them: lhs {} · rhs {}", where,
                     a.shape(), b.shape());
  }
  const std::int64_t inner = a.shape()[a.rank() - 1];
  if (inner != b.shape()[b.rank() - 2]) {
    fail<ShapeError>("{}: inner dimensions must agree: lhs {} · rhs {}  ({} != {})", where,
                     a.shape(), b.shape(), inner, b.shape()[b.rank() - 2]);
  }
  check_dtypes(where, a, b);
  if (a.rank() == 2 && b.rank() == 2) return {};
  return broadcast_shape(where, leading(a), leading(b));
}

Shape with_matrix(Shape stack, std::int64_t rows, std::int64_t columns) {
  stack.append(rows);
  stack.append(columns);
  return stack;
}

// The axes of a stack, those to be kept first, then those to be summed, then the matrix.
struct Order {
  std::array<int, kMaxRank> axes{};
  int rank = 0;
  std::int64_t results = 1;
  std::int64_t terms = 1;
};

Order summing_order(const Shape& stack, const Shape& kept) {
  const auto keeps = [&](int axis) {
    const int at = axis - (stack.rank() - kept.rank());
    return at >= 0 && kept[at] == stack[axis];
  };
  Order order;
  for (const bool kept_now : {true, false}) {
    for (int axis = 0; axis < stack.rank(); ++axis) {
      if (keeps(axis) != kept_now) continue;
      order.axes[static_cast<std::size_t>(order.rank++)] = axis;
      (kept_now ? order.results : order.terms) *= stack[axis];
    }
  }
  for (const int axis : {stack.rank(), stack.rank() + 1}) {
    order.axes[static_cast<std::size_t>(order.rank++)] = axis;
  }
  return order;
}

Stack ordered(const Tensor& x, const Shape& stack, const Order& order) {
  const Tensor whole =
      x.expand(with_matrix(stack, x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]));
  return {whole.permute({order.axes.data(), static_cast<std::size_t>(order.rank)})};
}

// Sums the products of a stack to a shape that its own shape is broadcast from.
Tensor sum_of_products(const Tensor& a, const Tensor& b, const Shape& stack, const Shape& shape) {
  if (stack.size() == 0 || a.size() == 0 || b.size() == 0) return Tensor::zeros(shape, a.dtype());
  Tensor result = Tensor::empty(shape, a.dtype());
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    T* c = result.mutable_data<T>();
    if (stack.rank() == 0) return multiply<T>({.a = {a}, .b = {b}}, c);
    const Order order = summing_order(
        stack, Shape(std::span(shape.begin(), static_cast<std::size_t>(shape.rank() - 2))));
    multiply<T>({.a = ordered(a, stack, order),
                 .b = ordered(b, stack, order),
                 .results = order.results,
                 .terms = order.terms},
                c);
  });
  return result;
}

void check_linear(std::string_view where, const Tensor& x, const Tensor& weight,
                  const Tensor& bias) {
  const int last = x.rank() - 1;
  if (last >= 0 && weight.rank() == 2 && x.shape()[last] != weight.shape()[1]) {
    fail<ShapeError>("{}: x must have the features of the weight: x {} · weight {}  ({} != {})",
                     where, x.shape(), weight.shape(), x.shape()[last], weight.shape()[1]);
  }
  if (x.rank() != 2 || weight.rank() != 2 || bias.rank() != 1) {
    fail<ShapeError>("{}: x [batch, in], weight [out, in], bias [out]: {} · {} · {}", where,
                     x.shape(), weight.shape(), bias.shape());
  }
  if (bias.shape()[0] != weight.shape()[0]) {
    fail<ShapeError>("{}: one bias an output: weight {} · bias {}", where, weight.shape(),
                     bias.shape());
  }
  if (x.dtype() != weight.dtype() || x.dtype() != bias.dtype()) {
    fail<DTypeError>(
        "{}: element types must be the same: x {} · weight {} · bias {} [use Tensor::to]", where,
        x.dtype(), weight.dtype(), bias.dtype());
  }
}

// x W' + b, or relu of it.
Tensor affine(std::string_view where, const Tensor& x, const Tensor& weight, const Tensor& bias,
              bool relu) {
  check_linear(where, x, weight, bias);
  const Shape shape{x.shape()[0], weight.shape()[0]};
  if (shape.size() == 0 || x.shape()[1] == 0) {
    const Tensor repeated = copy(bias.expand(shape));
    return relu ? kernels::relu(repeated) : repeated;
  }
  Tensor result = Tensor::empty(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    multiply<T>({.a = {x}, .b = {weight.transpose()}, .bias = bias.contiguous(), .relu = relu},
                result.mutable_data<T>());
  });
  return result;
}

}  // namespace

Tensor matmul_to(const Tensor& a, const Tensor& b, const Shape& shape) {
  const Shape stack = stack_shape("matmul_to", a, b);
  const Shape product = with_matrix(stack, a.shape()[a.rank() - 2], b.shape()[b.rank() - 1]);
  const int rank = shape.rank();
  if (rank < 2 || shape[rank - 2] != product[stack.rank()] ||
      shape[rank - 1] != product[stack.rank() + 1] || !broadcasts_to(shape, product)) {
    fail<ShapeError>("matmul_to: the shape must broadcast to that of the product: {} · product {}",
                     shape, product);
  }
  return sum_of_products(a, b, stack, shape);
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  const Shape stack = stack_shape("matmul", a, b);
  return sum_of_products(a, b, stack,
                         with_matrix(stack, a.shape()[a.rank() - 2], b.shape()[b.rank() - 1]));
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return affine("linear", x, weight, bias, false);
}

Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return affine("linear_relu", x, weight, bias, true);
}

}  // namespace taskgrad::kernels
