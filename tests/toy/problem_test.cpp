#include <taskgrad/core/error.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/toy/problem.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace taskgrad::toy {
namespace {

ProblemOptions small() {
  return {.sigmas = {1, 100},
          .dtype = DType::f64,
          .input_size = 6,
          .output_size = 4,
          .train_examples = 40,
          .test_examples = 30};
}

double mean_square(const Tensor& x) {
  return kernels::dot(x, x).item() / static_cast<double>(x.size());
}

bool equal(const Batch& a, const Batch& b) {
  return equal_bits(a.x, b.x) && std::equal(a.targets.begin(), a.targets.end(), b.targets.begin(),
                                            b.targets.end(), equal_bits);
}

TEST_CASE("ScaledRegression: shapes and the dtype of the run") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    ProblemOptions options = small();
    options.dtype = dtype;
    const ScaledRegression problem(options, Rng(1));
    for (const Batch& batch : {problem.batch(3, 7), problem.test()}) {
      const std::int64_t size = batch.x.shape()[0];
      CHECK(batch.x.shape() == Shape{size, 6});
      CHECK(batch.x.dtype() == dtype);
      REQUIRE(batch.targets.size() == 2);
      for (const Tensor& target : batch.targets) {
        CHECK(target.shape() == Shape{size, 4});
        CHECK(target.dtype() == dtype);
      }
    }
    CHECK(problem.batch(3, 7).x.shape()[0] == 7);
    CHECK(problem.test().x.shape()[0] == 30);
  }
}

TEST_CASE("ScaledRegression: targets are sigma tanh((B + eps) x)") {
  ProblemOptions options = small();
  options.sigmas = {1, 30, 0.5};
  const ScaledRegression problem(options, Rng(2));
  const Batch batch = problem.batch(0, 9);
  const std::vector<double> x = batch.x.values();
  for (int task = 0; task < 3; ++task) {
    const std::vector<double> teacher = problem.teacher(task).values();
    const std::vector<double> target = batch.targets[static_cast<std::size_t>(task)].values();
    for (std::size_t row = 0; row < 9; ++row) {
      for (std::size_t out = 0; out < 4; ++out) {
        double dot = 0;
        for (std::size_t in = 0; in < 6; ++in) dot += teacher[out * 6 + in] * x[row * 6 + in];
        const double sigma = options.sigmas[static_cast<std::size_t>(task)];
        CHECK(target[row * 4 + out] == doctest::Approx(sigma * std::tanh(dot)).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("ScaledRegression: a scale multiplies the targets and changes nothing else") {
  ProblemOptions options = small();
  const ScaledRegression one(options, Rng(3));
  options.sigmas = {2, 800};
  const ScaledRegression scaled(options, Rng(3));
  CHECK(equal_bits(one.test().x, scaled.test().x));
  CHECK(equal_bits(kernels::scale(one.test().targets[0], 2), scaled.test().targets[0]));
  CHECK(equal_bits(kernels::scale(one.test().targets[1], 8), scaled.test().targets[1]));
}

TEST_CASE("ScaledRegression: 10 and 3.5 are deviations or variances, by sample moments") {
  ProblemOptions options = small();
  options.input_size = 250;
  options.output_size = 100;
  for (const bool variance : {false, true}) {
    options.spread = variance ? Spread::variance : Spread::deviation;
    const ScaledRegression problem(options, Rng(4));
    const double shared = variance ? 10 : 100;
    const double own = variance ? 3.5 : 3.5 * 3.5;
    const Tensor difference = kernels::sub(problem.teacher(0), problem.teacher(1));
    CHECK(mean_square(problem.teacher(0)) == doctest::Approx(shared + own).epsilon(0.04));
    CHECK(mean_square(difference) == doctest::Approx(2 * own).epsilon(0.04));
  }
}

TEST_CASE("ScaledRegression: teachers are the same numbers in both dtypes") {
  ProblemOptions options = small();
  const ScaledRegression wide(options, Rng(5));
  options.dtype = DType::f32;
  const ScaledRegression narrow(options, Rng(5));
  CHECK(equal_bits(wide.teacher(1).to(DType::f32), narrow.teacher(1)));
}

TEST_CASE("ScaledRegression: inputs of each kind have its moments") {
  ProblemOptions options = small();
  options.input_size = 50;
  options.test_examples = 400;

  options.inputs = Inputs::uniform;
  const Tensor uniform = ScaledRegression(options, Rng(6)).test().x;
  CHECK(mean_square(uniform) == doctest::Approx(1.0 / 3).epsilon(0.03));
  for (const double value : uniform.values()) CHECK(std::abs(value) <= 1);

  options.inputs = Inputs::normal;
  CHECK(mean_square(ScaledRegression(options, Rng(6)).test().x) ==
        doctest::Approx(1.0).epsilon(0.04));

  options.inputs = Inputs::unit;
  const Tensor unit = ScaledRegression(options, Rng(6)).test().x;
  for (std::int64_t row = 0; row < 400; ++row) {
    CHECK(kernels::norm(unit.select(0, row)).item() == doctest::Approx(1.0).epsilon(1e-12));
  }
}

TEST_CASE("ScaledRegression: fresh batches differ by step, and from the test set") {
  const ScaledRegression problem(small(), Rng(7));
  CHECK(equal(problem.batch(5, 30), problem.batch(5, 30)));
  CHECK_FALSE(equal_bits(problem.batch(5, 30).x, problem.batch(6, 30).x));
  CHECK_FALSE(equal_bits(problem.batch(0, 30).x, problem.test().x));
  CHECK_FALSE(equal_bits(problem.batch(0, 30).x, ScaledRegression(small(), Rng(8)).batch(0, 30).x));
}

TEST_CASE("ScaledRegression: fixed data visit each example once an epoch, in changing order") {
  ProblemOptions options = small();
  options.data = Data::fixed;
  const ScaledRegression problem(options, Rng(9));
  std::vector<std::vector<double>> epochs;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<double>& seen = epochs.emplace_back();
    for (std::int64_t step = 4 * epoch; step < 4 * (epoch + 1); ++step) {
      const Batch batch = problem.batch(step, 10);
      for (std::int64_t row = 0; row < 10; ++row) {
        seen.push_back(batch.x.select(0, row).values()[0]);
      }
    }
    CHECK(std::set<double>(seen.begin(), seen.end()).size() == 40);
  }
  CHECK(epochs[0] != epochs[1]);
  for (std::vector<double>& epoch : epochs) std::sort(epoch.begin(), epoch.end());
  CHECK(epochs[0] == epochs[1]);
  CHECK(epochs[0] == epochs[2]);
}

TEST_CASE(
    "ScaledRegression: fixed batches keep x and targets together, across an epoch's end too") {
  ProblemOptions options = small();
  options.data = Data::fixed;
  const ScaledRegression problem(options, Rng(10));
  const Batch across = problem.batch(1, 27);  // examples 27 .. 53 of 40
  const Tensor expected = kernels::scale(
      kernels::tanh(kernels::matmul(across.x, problem.teacher(1).transpose())), 100.0);
  const Tensor difference = kernels::sub(across.targets[1], expected);
  CHECK(kernels::norm(difference).item() < 1e-9);
  CHECK(equal(problem.batch(0, 27), ScaledRegression(options, Rng(10)).batch(0, 27)));
  CHECK(equal(across, problem.batch(1, 27)));
}

TEST_CASE("default_sigmas: the paper's for 2 and 10 tasks, else spread over 1 to 100") {
  CHECK(default_sigmas(1) == std::vector<double>{1});
  CHECK(default_sigmas(2) == std::vector<double>{1, 100});
  CHECK(default_sigmas(10) == std::vector<double>{48, 3, 54, 16, 9, 30, 52, 26, 47, 81});
  const std::vector<double> three = default_sigmas(3);
  REQUIRE(three.size() == 3);
  CHECK(three[1] == doctest::Approx(10));
  CHECK(default_sigmas(20).back() == 100);
}

TEST_CASE("ScaledRegression: refuses scales and sizes that make no problem") {
  const auto text = [](auto change) -> std::string {
    ProblemOptions options = small();
    change(options);
    try {
      const ScaledRegression problem(options, Rng(1));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(text([](auto& o) { o.sigmas = {}; }) ==
        "ScaledRegression: at least one sigma is needed: 0 were given");
  CHECK(text([](auto& o) {
          o.sigmas = {1, -2};
        }) == "ScaledRegression: every sigma must be positive and finite: -2");
  CHECK(text([](auto& o) { o.sigmas = {HUGE_VAL}; }) ==
        "ScaledRegression: every sigma must be positive and finite: inf");
  CHECK(text([](auto& o) { o.test_examples = 0; }) ==
        "ScaledRegression: sizes must be at least 1: 0");
}

}  // namespace
}  // namespace taskgrad::toy
