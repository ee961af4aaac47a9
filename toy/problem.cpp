#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/toy/problem.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::toy {
namespace {

constexpr double kSharedSpread = 10.0;
constexpr double kTaskSpread = 3.5;

ProblemOptions checked(ProblemOptions options) {
  if (options.sigmas.empty())
    fail<ConfigError>("ScaledRegression: at least one sigma is needed: 0 were given");
  for (const double sigma : options.sigmas) {
    if (!(sigma > 0) || !std::isfinite(sigma)) {
      fail<ConfigError>("ScaledRegression: every sigma must be positive and finite: {}", sigma);
    }
  }
  const int smallest = std::min(
      {options.input_size, options.output_size, options.train_examples, options.test_examples});
  if (smallest < 1) fail<ConfigError>("ScaledRegression: sizes must be at least 1: {}", smallest);
  return options;
}

std::vector<Tensor> make_teachers(const ProblemOptions& options, const Rng& rng) {
  const auto deviation = [&](double spread) {
    return options.spread == Spread::deviation ? spread : std::sqrt(spread);
  };
  const Shape shape{options.output_size, options.input_size};
  const Tensor shared =
      rng.stream("shared").normal(shape, 0.0, deviation(kSharedSpread), DType::f64);

  std::vector<Tensor> teachers;
  for (std::uint64_t task = 0; task < options.sigmas.size(); ++task) {
    const Tensor own =
        rng.stream("task").stream(task).normal(shape, 0.0, deviation(kTaskSpread), DType::f64);
    teachers.push_back(kernels::add(shared, own).to(options.dtype));
  }
  return teachers;
}

Tensor make_inputs(const ProblemOptions& options, const Rng& rng, std::int64_t count) {
  const Shape shape{count, options.input_size};
  if (options.inputs == Inputs::normal) return rng.normal(shape, 0.0, 1.0, options.dtype);
  Tensor x = rng.uniform(shape, -1.0, 1.0, options.dtype);
  if (options.inputs == Inputs::uniform) return x;
  constexpr AxisSet kFeatures = 1U << 1;
  const Tensor squared_length = kernels::sum(kernels::square(x), kFeatures, /*keep=*/true);
  return kernels::mul(x, kernels::rsqrt(squared_length));
}

Tensor take_rows(const Tensor& table, std::span<const std::int64_t> rows) {
  const std::int64_t width = table.shape()[1];
  Tensor taken = Tensor::empty({static_cast<std::int64_t>(rows.size()), width}, table.dtype());
  dispatch(table.dtype(), [&]<class T>(Type<T>) {
    T* to = taken.mutable_data<T>();
    for (const std::int64_t row : rows) to = std::copy_n(table.data<T>() + row * width, width, to);
  });
  return taken;
}

}  // namespace

ScaledRegression::ScaledRegression(ProblemOptions options, const Rng& rng)
    : options_(checked(std::move(options))), train_rng_(rng.stream("train")) {
  teachers_ = make_teachers(options_, rng.stream("teacher"));
  test_ = examples(rng.stream("test"), options_.test_examples);
  if (options_.data == Data::fixed) {
    train_ = examples(train_rng_.stream("set"), options_.train_examples);
  }
}

Batch ScaledRegression::batch(std::int64_t step, int size) const {
  if (options_.data == Data::fixed) return fixed_batch(step, size);
  return examples(train_rng_.stream(static_cast<std::uint64_t>(step)), size);
}

Batch ScaledRegression::examples(const Rng& rng, std::int64_t count) const {
  Batch batch{.x = make_inputs(options_, rng, count), .targets = {}};
  batch.targets.reserve(teachers_.size());
  for (std::size_t task = 0; task < teachers_.size(); ++task) {
    const Tensor unscaled = kernels::tanh(kernels::matmul(batch.x, teachers_[task].transpose()));
    batch.targets.push_back(kernels::scale(unscaled, options_.sigmas[task]));
  }
  return batch;
}

Batch ScaledRegression::fixed_batch(std::int64_t step, int size) const {
  const std::int64_t examples = options_.train_examples;
  List<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(size));
  for (std::int64_t place = step * size; place < (step + 1) * size; ++place) {
    const std::int64_t number = place / examples;
    if (epoch_.number != number) {
      const Rng order = train_rng_.stream("order").stream(static_cast<std::uint64_t>(number));
      epoch_ = {number, order.permutation(examples)};
    }
    rows.push_back(epoch_.order[static_cast<std::size_t>(place % examples)]);
  }

  Batch batch{.x = take_rows(train_.x, rows), .targets = {}};
  batch.targets.reserve(train_.targets.size());
  for (const Tensor& target : train_.targets) batch.targets.push_back(take_rows(target, rows));
  return batch;
}

std::vector<double> default_sigmas(int tasks) {
  if (tasks == 10) return {48, 3, 54, 16, 9, 30, 52, 26, 47, 81};
  std::vector<double> sigmas(static_cast<std::size_t>(tasks), 1.0);
  for (int task = 1; task < tasks; ++task) {
    sigmas[static_cast<std::size_t>(task)] = std::pow(100.0, double(task) / (tasks - 1));
  }
  return sigmas;
}

}  // namespace taskgrad::toy
