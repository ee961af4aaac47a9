// Products of matrices at the shapes of the toy problem and of a wide MLP, one thread or several.
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/rng.h>

#include <fmt/format.h>

#include "gemm_entrants.h"
#include "program.h"
#include <algorithm>
#include <benchmark/benchmark.h>
#include <memory>
#include <regex>

namespace {

using namespace bench;
using taskgrad::DType;
using taskgrad::Rng;
using taskgrad::Shape;
using taskgrad::Tensor;

constexpr const char* kOurs = "ours";
constexpr const char* kEigen = "eigen";
constexpr const char* kOpenBlas = "openblas";
constexpr const char* kOneDnn = "onednn";
constexpr const char* kWays[] = {kOurs, kEigen, kOpenBlas, kOneDnn};

template <class T>
struct Operands {
  Tensor a, b;
  std::vector<T> c;
};

template <class T>
Operands<T> make_operands(const GemmShape& s) {
  const DType dtype = taskgrad::kDTypeOf<T>;
  const Shape a = s.transpose_a ? Shape{s.k, s.m} : Shape{s.m, s.k};
  const Shape b = s.transpose_b ? Shape{s.n, s.k} : Shape{s.k, s.n};
  return {Rng(1).stream("a").normal(a, 0, 1, dtype), Rng(1).stream("b").normal(b, 0, 1, dtype),
          std::vector<T>(static_cast<std::size_t>(s.m * s.n))};
}

template <class T>
Way ours(const GemmShape& s, const Operands<T>& operands) {
  const Tensor a = s.transpose_a ? operands.a.transpose() : operands.a;
  const Tensor b = s.transpose_b ? operands.b.transpose() : operands.b;
  const auto c = std::make_shared<Tensor>();
  return {kOurs, [=] { *c = taskgrad::kernels::matmul(a, b); }, [=] { return c->values(); }};
}

template <class T>
Way theirs(const char* name, void (*gemm)(const GemmShape&, const T*, const T*, T*),
           const GemmShape& s, const std::shared_ptr<Operands<T>>& operands) {
  return {name,
          [=] {
            gemm(s, operands->a.template data<T>(), operands->b.template data<T>(),
                 operands->c.data());
          },
          [=] { return std::vector<double>(operands->c.begin(), operands->c.end()); }};
}

// Whether the filter of Google Benchmark leaves one of the ways: a run rarely wants all sizes, and
// their operands take longer to make than their products.
bool is_wanted(const std::string& work) {
  const std::string filter = benchmark::GetBenchmarkFilter();
  if (filter.empty() || filter[0] == '-') return true;
  const std::regex pattern(filter);
  return std::ranges::any_of(kWays, [&](const char* way) {
    return std::regex_search(fmt::format("{}/{}", work, way), pattern);
  });
}

template <class T>
void add_gemm(const GemmShape& s) {
  constexpr bool is_float = std::is_same_v<T, float>;
  const std::string name =
      fmt::format("gemm/{}/{}{}/{}x{}x{}", is_float ? "f32" : "f64", s.transpose_a ? 'T' : 'N',
                  s.transpose_b ? 'T' : 'N', s.m, s.n, s.k);
  if (!is_wanted(name)) return;
  const auto operands = std::make_shared<Operands<T>>(make_operands<T>(s));
  std::vector<Way> ways = {ours(s, *operands), theirs<T>(kEigen, eigen_gemm, s, operands)};
#if defined(TASKGRAD_BENCH_OPENBLAS)
  ways.push_back(theirs<T>(kOpenBlas, openblas_gemm, s, operands));
#endif
#if defined(TASKGRAD_BENCH_ONEDNN)
  if constexpr (is_float) ways.push_back(theirs<T>(kOneDnn, onednn_gemm, s, operands));
#endif
  add_work(name, std::move(ways), 2.0 * s.m * s.n * s.k, "FLOP/s", is_float ? 1e-5 : 1e-13);
}

std::vector<GemmShape> shapes() {
  std::vector<GemmShape> all;
  for (const int batch : {32, 100, 256, 1024}) {
    all.push_back({false, true, batch, 100, 250});   // x W', first layer
    all.push_back({false, true, batch, 100, 100});   // x W', others and heads
    all.push_back({false, false, batch, 100, 100});  // the derivative in x
    all.push_back({true, false, 100, 250, batch});   // the derivative in W, first layer
    all.push_back({true, false, 100, 100, batch});   // the derivative in W, others and heads
  }
  all.push_back({false, true, 256, 1024, 1024});
  all.push_back({false, false, 256, 1024, 1024});
  all.push_back({true, false, 1024, 1024, 256});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = start(argc, argv);
  for (const GemmShape& shape : shapes()) {
    add_gemm<float>(shape);
    add_gemm<double>(shape);
  }
  run_work(options);
}
