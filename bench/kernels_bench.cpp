// Elementwise functions, sums and convolutions, f32.
#include <taskgrad/autograd/ops.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/rng.h>

#include <fmt/format.h>

#include "eigen_entrants.h"
#include "program.h"
#include <memory>

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_ops.h"
#endif

namespace {

using namespace bench;
using taskgrad::DType;
using taskgrad::Rng;
using taskgrad::Shape;
using taskgrad::Tensor;
namespace kernels = taskgrad::kernels;

constexpr double kTolerance = 1e-5;

Tensor normal(const char* name, const Shape& shape) {
  return Rng(1).stream(name).normal(shape, 0, 1, DType::f32);
}

template <class F>
Way ours(F f) {
  const auto result = std::make_shared<Tensor>();
  return {"ours", [=] { *result = f(); }, [=] { return result->values(); }};
}

// Work of Eigen's that writes `size` numbers.
template <class F>
Way eigens(std::int64_t size, F f) {
  const auto result = std::make_shared<std::vector<float>>(size);
  return {"eigen", [=] { f(result->data()); },
          [=] { return std::vector<double>(result->begin(), result->end()); }};
}

template <class F>
void add_elementwise(const std::string& name, std::int64_t size, F f) {
  const Tensor x = normal("x", {size}), y = normal("y", {size});
  const auto eigen = eigen_elementwise(name);
  add_work(fmt::format("{}/{}", name, size),
           {ours([=] { return f(x, y); }),
            eigens(size, [=](float* z) { eigen(x.data<float>(), y.data<float>(), z, size); })},
           static_cast<double>(size), "elements/s", kTolerance);
}

void add_elementwise(std::int64_t size) {
  const auto of_one = [](Tensor (*f)(const Tensor&)) {
    return [f](const Tensor& x, const Tensor&) { return f(x); };
  };
  add_elementwise("relu", size, of_one(kernels::relu));
  add_elementwise("exp", size, of_one(kernels::exp));
  add_elementwise("tanh", size, of_one(kernels::tanh));
  add_elementwise("add", size, kernels::add);
  add_elementwise("mul", size, kernels::mul);
}

void add_sums(std::int64_t rows, std::int64_t columns) {
  // Positive numbers: the sum of others would be little else than rounding.
  const Tensor x = Rng(1).stream("x").uniform({rows, columns}, 0, 1, DType::f32);
  const float* data = x.data<float>();
  const std::int64_t size = rows * columns;
  const auto amount = static_cast<double>(size);
  add_work(fmt::format("sum/{}x{}", rows, columns),
           {ours([=] { return kernels::sum(x); }),
            eigens(1, [=](float* out) { *out = eigen_sum(data, size); })},
           amount, "elements/s", kTolerance);
  add_work(fmt::format("sum_rows/{}x{}", rows, columns),
           {ours([=] { return kernels::sum(x, taskgrad::AxisSet{1}); }),
            eigens(columns, [=](float* out) { eigen_sum_rows(data, rows, columns, out); })},
           amount, "elements/s", kTolerance);
}

// Images of `batch` times `in` channels, `extent` pixels wide and high; windows of 5 x 5.
void add_convolution(std::int64_t batch, std::int64_t in, std::int64_t extent, std::int64_t out) {
  const Tensor x = normal("x", {batch, in, extent, extent}), w = normal("w", {out, in, 5, 5});
  std::vector<Way> ways = {ours([=] {
    const taskgrad::NoGrad no_grad;
    return taskgrad::conv2d(taskgrad::constant(x), taskgrad::constant(w)).value();
  })};
#if defined(TASKGRAD_BENCH_LIBTORCH)
  ways.push_back(
      libtorch_convolution(x.data<float>(), {batch, in, extent}, w.data<float>(), {out, in, 5}));
#endif
  const std::int64_t places = (extent - 4) * (extent - 4);
  add_work(fmt::format("conv2d/{}x{}x{}x{}/{}", batch, in, extent, extent, out), std::move(ways),
           2.0 * static_cast<double>(batch * places * out * in * 25), "FLOP/s", kTolerance);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = start(argc, argv);
  for (const std::int64_t size : {16, 10'000, 1'000'000}) add_elementwise(size);
  add_sums(100, 100);
  add_sums(1024, 1024);
  add_convolution(256, 1, 28, 10);
  add_convolution(256, 10, 12, 20);
  run_work(options);
}
