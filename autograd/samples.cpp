#include <taskgrad/autograd/samples.h>
#include <taskgrad/core/rng.h>

#include <utility>

namespace taskgrad {

Shape Draw::shape(int lowest_rank, int highest_rank) {
  Shape shape;
  for (std::int64_t rank = integer(lowest_rank, highest_rank); rank > 0; --rank) {
    shape.append(integer(1, 4));
  }
  return shape;
}

Tensor Draw::numbers(const Shape& shape, double low, double high) {
  return samples::numbers(shape, low, high, seed());
}

namespace samples {

namespace {

// A shape that broadcasts with another: some of its axes are 1, some leading ones are gone.
Shape partner(Draw& draw, const Shape& shape) {
  Shape result;
  for (int axis = static_cast<int>(draw.integer(0, shape.rank())); axis < shape.rank(); ++axis) {
    result.append(draw.coin() ? shape[axis] : 1);
  }
  return result;
}

}  // namespace

Tensor numbers(const Shape& shape, double low, double high, unsigned seed) {
  return Rng(seed).stream("samples").uniform(shape, low, high, DType::f64);
}

Tensor scattered(const Tensor& x) {
  Shape doubled = x.shape();
  doubled.append(2);
  Tensor wide = Tensor::zeros(doubled, x.dtype());
  const Tensor packed = x.contiguous();
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    T* target = wide.mutable_data<T>();
    for (std::int64_t i = 0; i < x.size(); ++i) target[2 * i] = packed.data<T>()[i];
  });
  return wide.select(x.rank(), 0);
}

Samples unary(std::function<double(double)> value, double low, double high) {
  const auto make = [&](const Shape& shape) { return numbers(shape, low, high); };
  return {.good = {{"vector", {make({7})}},
                   {"matrix", {make({3, 4})}},
                   {"rank 0", {make({})}},
                   {"empty", {make({0, 3})}},
                   {"rank 4", {make({2, 1, 3, 2})}},
                   {"unpacked", {scattered(make({2, 5}))}},
                   {"transposed", {make({3, 4}).transpose()}},
                   {"expanded", {make({1, 3}).expand({4, 3})}}},
          .unary = std::move(value),
          .random =
              [low, high](Draw& draw) {
                return Sample{"random", {draw.numbers(draw.shape(1, 4), low, high)}};
              },
          .batched = {0}};
}

Samples binary(std::function<double(double, double)> value, double low, double high) {
  const auto x = [](const Shape& shape) { return numbers(shape, -2, 2, 2); };
  const auto y = [&](const Shape& shape) { return numbers(shape, low, high, 3); };
  return {.good = {{"same shape", {x({3, 4}), y({3, 4})}},
                   {"row", {x({3, 4}), y({4})}},
                   {"column", {x({3, 1}), y({3, 4})}},
                   {"outer", {x({3, 1}), y({1, 4})}},
                   {"scalar left", {x({}), y({2, 3})}},
                   {"scalar right", {x({2, 3}), y({})}},
                   {"both rank 0", {x({}), y({})}},
                   {"middle axis", {x({2, 3, 2}), y({2, 1, 2})}},
                   {"empty", {x({0, 3}), y({3})}},
                   {"empty by broadcast", {x({1, 3}), y({0, 1})}},
                   {"unpacked", {scattered(x({2, 5})), y({5, 2}).transpose()}},
                   {"unpacked row", {x({4, 5}), scattered(y({5}))}}},
          .bad = {{"extents differ", {x({3, 4}), y({3, 5})}}, {"rows", {x({2}), y({3, 4})}}},
          .binary = std::move(value),
          .random = [low, high](Draw& draw) {
            const Shape shape = draw.shape(0, 4);
            const bool x_is_whole = draw.coin();
            const Shape part = partner(draw, shape);
            return Sample{"random",
                          {draw.numbers(x_is_whole ? shape : part),
                           draw.numbers(x_is_whole ? part : shape, low, high)}};
          }};
}

}  // namespace samples
}  // namespace taskgrad
