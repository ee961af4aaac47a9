// What an operation costs beside its arithmetic: forward, backward, and backward twice (chain.h).
#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/ops.h>

#include <fmt/format.h>

#include "chain.h"
#include "program.h"
#include <memory>
#include <utility>

#if defined(TASKGRAD_BENCH_LIBTORCH)
#include "libtorch_ops.h"
#endif

namespace {

using namespace bench;
using taskgrad::DType;
using taskgrad::Shape;
using taskgrad::Tensor;
using taskgrad::Var;

Var derivative(const Var& y, const Var& x, bool create_graph) {
  return grad(y.shape().rank() == 0 ? y : sum(y), x, {.create_graph = create_graph});
}

Var run_chain(const Var& x, Depth depth) {
  Var y = x;
  for (int i = 0; i < kChain; ++i) y = i % 2 == 0 ? y * x : y + x;
  if (depth == Depth::forward) return y;
  const Var slope = derivative(y, x, depth != Depth::backward);
  return depth == Depth::double_backward ? derivative(slope, x, false) : slope;
}

Way our_chain(int elements, Depth depth) {
  const Shape shape = elements == 1 ? Shape{} : Shape{elements};
  const Var x = taskgrad::leaf(Tensor::full(shape, 0.5, DType::f32));
  const auto result = std::make_shared<Var>();
  return {"ours", [=] { *result = run_chain(x, depth); }, [=] { return result->value().values(); }};
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = start(argc, argv);
  constexpr std::pair<const char*, Depth> kDepths[] = {
      {"forward", Depth::forward},
      {"backward", Depth::backward},
      {"backward_with_graph", Depth::backward_with_graph},
      {"double_backward", Depth::double_backward}};
  for (const int elements : {1, 16}) {
    for (const auto& [name, depth] : kDepths) {
      std::vector<Way> ways = {our_chain(elements, depth)};
#if defined(TASKGRAD_BENCH_LIBTORCH)
      ways.push_back(libtorch_chain(elements, depth));
#endif
      add_work(fmt::format("chain/{}/{}", elements, name), std::move(ways), kChain, "ops/s", 1e-5);
    }
  }
  run_work(options);
}
