#include <taskgrad/balancers/robust.h>
#include <taskgrad/core/fail.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace taskgrad {

Krum::Krum(KrumOptions options) : options_(options) {
  if (options.byzantine < 0 || options.selected < 1) {
    fail<ConfigError>("Krum: byzantine is at least 0 and selected at least 1: {}, {}",
                      options.byzantine, options.selected);
  }
}

Vec Krum::gramian_weights(const Matrix& gramian, const Present& present) {
  const int tasks = present.count();
  const int neighbours =
      std::clamp(tasks - options_.byzantine - 2, std::min(1, tasks - 1), tasks - 1);
  Vec scores(tasks);
  for (int i = 0; i < tasks; ++i) {
    std::vector<double> distances;
    for (int j = 0; j < tasks; ++j) {
      if (j != i) distances.push_back(gramian(i, i) + gramian(j, j) - 2 * gramian(i, j));
    }
    std::sort(distances.begin(), distances.end());
    scores[i] = std::accumulate(distances.begin(), distances.begin() + neighbours, 0.0);
  }
  std::vector<int> order(static_cast<std::size_t>(tasks));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {  // of equal ones the first
    return scores[a] != scores[b] ? scores[a] < scores[b] : a < b;
  });
  const int selected = std::min(options_.selected, tasks);
  Vec weights(tasks);
  for (int k = 0; k < selected; ++k) weights[order[std::size_t(k)]] = 1.0 / selected;
  return weights;
}

TrimmedMean::TrimmedMean(TrimmedMeanOptions options) : options_(options) {
  if (options.trim < 0) fail<ConfigError>("TrimmedMean: trim is not negative: {}", options.trim);
}

Tensor TrimmedMean::direction(const Tensor& rows, const Present& present) {
  const std::int64_t tasks = present.count();
  const std::int64_t trim = std::min<std::int64_t>(options_.trim, (tasks - 1) / 2);
  const std::int64_t size = rows.shape()[1];
  const double* g = rows.data<double>();
  Tensor result = Tensor::empty({size}, DType::f64);
  double* d = result.mutable_data<double>();
  std::vector<double> column(static_cast<std::size_t>(tasks));
  for (std::int64_t k = 0; k < size; ++k) {
    for (std::int64_t i = 0; i < tasks; ++i) column[std::size_t(i)] = g[i * size + k];
    std::sort(column.begin(), column.end());
    d[k] = std::accumulate(column.begin() + trim, column.end() - trim, 0.0) /
           static_cast<double>(tasks - 2 * trim);
  }
  return result;
}

}  // namespace taskgrad
