#include <taskgrad/core/kernels.h>

#include "testing.h"
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace taskgrad::kernels {
namespace {

using testing::at;
using testing::for_each_index;
using testing::kDTypes;
using testing::layouts;
using testing::numbers;
using testing::text_of;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Unary {
  std::string name;
  std::function<Tensor(const Tensor&)> kernel;
  std::function<double(double)> value;
  double low = -3, high = 3;
};

const Unary kUnary[] = {
    {"copy", copy, [](double x) { return x; }},
    {"neg", neg, [](double x) { return -x; }},
    {"square", square, [](double x) { return x * x; }},
    {"abs", abs, [](double x) { return std::abs(x); }},
    {"sign", sign, [](double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0); }},
    {"exp", exp, [](double x) { return std::exp(x); }, -20, 20},
    {"log", log, [](double x) { return std::log(x); }, 0.01, 20},
    {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 0, 20},
    {"rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.01, 20},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, -10, 10},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -20, 20},
    {"softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }, -20, 20},
    {"relu", relu, [](double x) { return x > 0 ? x : 0; }},
    {"scale", [](const Tensor& x) { return scale(x, 0.75); }, [](double x) { return 0.75 * x; }},
    {"add_scalar", [](const Tensor& x) { return add_scalar(x, 0.75); },
     [](double x) { return x + 0.75; }},
    {"pow_scalar", [](const Tensor& x) { return pow_scalar(x, 1.7); },
     [](double x) { return std::pow(x, 1.7); }, 0, 20},
};

struct Binary {
  std::string name;
  Tensor (*kernel)(const Tensor&, const Tensor&);
  std::function<double(double, double)> value;
};

const Binary kBinary[] = {
    {"add", add, [](double x, double y) { return x + y; }},
    {"sub", sub, [](double x, double y) { return x - y; }},
    {"mul", mul, [](double x, double y) { return x * y; }},
    {"div", div, [](double x, double y) { return x / y; }},
    {"maximum", maximum, [](double x, double y) { return x > y ? x : y; }},
    {"div_or_zero", div_or_zero, [](double x, double y) { return y == 0 ? 0 : x / y; }},
    {"hypot", hypot, [](double x, double y) { return std::sqrt(x * x + y * y); }},
    {"preference", preference, [](double x, double y) { return x > y ? 1 : (x == y ? 0.5 : 0); }},
    {"tanh_grad", tanh_grad, [](double g, double y) { return g * (1 - y * y); }},
    {"sigmoid_grad", sigmoid_grad, [](double g, double y) { return g * y * (1 - y); }},
    {"relu_grad", relu_grad, [](double g, double x) { return x > 0 ? g : 0; }},
};

// A few units in the last place of the result, or of the operands where they cancel.
double tolerance(DType dtype, double expected) {
  return (dtype == DType::f32 ? 1e-6 : 2e-15) * (2 + std::abs(expected));
}

TEST_CASE("elementwise: unary kernels against plain loops, every layout and type") {
  for (const Unary& op : kUnary) {
    for (const DType dtype : kDTypes) {
      for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{37}, Shape{3, 5, 7}}) {
        const Tensor packed = numbers(shape, dtype, 7, op.low, op.high);
        for (const Tensor& x : layouts(packed)) {
          CAPTURE(op.name);
          CAPTURE(to_string(shape));
          const Tensor z = op.kernel(x);
          REQUIRE(z.shape() == shape);
          CHECK(z.dtype() == dtype);
          CHECK(z.unique());
          for_each_index(shape, [&](const auto& i) {
            const double expected = op.value(at(x, i));
            CHECK(std::abs(at(z, i) - expected) <= tolerance(dtype, expected));
          });
        }
      }
    }
  }
}

TEST_CASE("elementwise: unary kernels at the edges, in the packet and in the tail") {
  struct Row {
    std::string name;
    Tensor (*kernel)(const Tensor&);
    double x, expected;
  };
  const Row rows[] = {
      {"exp", exp, -kInf, 0},
      {"exp", exp, kInf, kInf},
      {"exp", exp, 1000, kInf},
      {"exp", exp, -1000, 0},
      {"log", log, 0, -kInf},
      {"log", log, -1, kNan},
      {"log", log, kInf, kInf},
      {"sqrt", sqrt, 0, 0},
      {"sqrt", sqrt, -1, kNan},
      {"sqrt", sqrt, kInf, kInf},
      {"rsqrt", rsqrt, 0, kInf},
      {"tanh", tanh, 1000, 1},
      {"tanh", tanh, -kInf, -1},
      {"sigmoid", sigmoid, 1000, 1},
      {"sigmoid", sigmoid, -1000, 0},
      {"sigmoid", sigmoid, kInf, 1},
      {"sigmoid", sigmoid, -kInf, 0},
      {"softplus", softplus, 1000, 1000},
      {"softplus", softplus, -1000, 0},
      {"softplus", softplus, kInf, kInf},
      {"relu", relu, kInf, kInf},
      {"relu", relu, -kInf, 0},
      {"relu", relu, -0.0, 0},
      {"sign", sign, 0, 0},
      {"sign", sign, -kInf, -1},
      {"abs", abs, -kInf, kInf},
      {"exp", exp, kNan, kNan},
      {"log", log, kNan, kNan},
      {"sqrt", sqrt, kNan, kNan},
      {"rsqrt", rsqrt, kNan, kNan},
      {"tanh", tanh, kNan, kNan},
      {"sigmoid", sigmoid, kNan, kNan},
      {"softplus", softplus, kNan, kNan},
      {"relu", relu, kNan, kNan},
      {"abs", abs, kNan, kNan},
      {"neg", neg, kNan, kNan},
  };
  for (const Row& row : rows) {
    for (const DType dtype : kDTypes) {
      CAPTURE(row.name);
      CAPTURE(row.x);
      CAPTURE(name(dtype));
      for (const double z : row.kernel(Tensor::full({37}, row.x, dtype)).values()) {
        if (std::isnan(row.expected)) {
          CHECK(std::isnan(z));
        } else if (std::isinf(row.expected) || row.expected != 0) {
          CHECK(z == row.expected);
        } else {
          CHECK(std::abs(z) < 1e-37);  // 0, or what underflows to nearly that
        }
      }
    }
  }
}

struct Pair {
  Shape x, y;
};

const Pair kPairs[] = {
    {{}, {}},
    {{37}, {37}},
    {{3, 5, 7}, {3, 5, 7}},
    {{4, 5}, {}},
    {{}, {4, 5}},
    {{4, 5}, {5}},
    {{4, 5}, {4, 1}},
    {{4, 1}, {5}},
    {{2, 1, 3}, {4, 1}},
    {{2, 3, 4, 5}, {3, 1, 5}},
    {{0, 3}, {3}},
    {{2, 0}, {1, 1}},
};

TEST_CASE("elementwise: binary kernels against plain loops, broadcast, every layout and type") {
  for (const Binary& op : kBinary) {
    for (const DType dtype : kDTypes) {
      for (const Pair& pair : kPairs) {
        const Shape shape = broadcast_shape("test", pair.x, pair.y);
        for (const Tensor& x : layouts(numbers(pair.x, dtype, 3))) {
          for (const Tensor& y : layouts(numbers(pair.y, dtype, 4))) {
            CAPTURE(op.name);
            CAPTURE(to_string(pair.x));
            CAPTURE(to_string(pair.y));
            const Tensor z = op.kernel(x, y);
            REQUIRE(z.shape() == shape);
            CHECK(z.dtype() == dtype);
            const Tensor wide_x = x.expand(shape);
            const Tensor wide_y = y.expand(shape);
            for_each_index(shape, [&](const auto& i) {
              const double expected = op.value(at(wide_x, i), at(wide_y, i));
              CHECK(std::abs(at(z, i) - expected) <= tolerance(dtype, expected));
            });
          }
        }
      }
    }
  }
}

TEST_CASE("elementwise: binary kernels at the edges, in the packet and in the tail") {
  struct Row {
    std::string name;
    Tensor (*kernel)(const Tensor&, const Tensor&);
    double x, y, expected;
  };
  const Row rows[] = {
      {"div", div, 1, 0, kInf},
      {"div_or_zero", div_or_zero, 1, 0, 0},
      {"div_or_zero", div_or_zero, kInf, -0.0, 0},
      {"maximum", maximum, kNan, 1, kNan},
      {"maximum", maximum, 1, kNan, kNan},
      {"maximum", maximum, -kInf, 1, 1},
      {"hypot", hypot, 0, 0, 0},
      {"hypot", hypot, 3e30, 4e30, 5e30},
      {"hypot", hypot, 3e-30, 4e-30, 5e-30},
      {"preference", preference, 2, 2, 0.5},
      {"preference", preference, kNan, 2, 0.5},
      {"relu_grad", relu_grad, 5, 0, 0},
      {"relu_grad", relu_grad, kInf, -1, 0},
  };
  for (const Row& row : rows) {
    for (const DType dtype : kDTypes) {
      CAPTURE(row.name);
      CAPTURE(row.x);
      CAPTURE(row.y);
      const Tensor x = Tensor::full({37}, row.x, dtype);
      const Tensor y = Tensor::full({37}, row.y, dtype);
      for (const double z : row.kernel(x, y).values()) {
        if (std::isnan(row.expected)) {
          CHECK(std::isnan(z));
        } else if (std::isinf(row.expected)) {
          CHECK(z == row.expected);
        } else {
          CHECK(std::abs(z - row.expected) <= 1e-6 * std::abs(row.expected));
        }
      }
    }
  }
}

TEST_CASE("scaled_difference: of every layout and type") {
  const Tensor s = Tensor::scalar(-1.5, DType::f64);
  for (const DType dtype : kDTypes) {
    const Tensor x = numbers({3, 5, 7}, dtype, 1);
    const Tensor y = numbers({3, 5, 7}, dtype, 2);
    for (const Tensor& left : layouts(x)) {
      for (const Tensor& right : layouts(y)) {
        const Tensor z = scaled_difference(s.to(dtype), left, right);
        for_each_index(x.shape(), [&](const auto& i) {
          const double expected = -1.5 * (at(x, i) - at(y, i));
          CHECK(std::abs(at(z, i) - expected) <= tolerance(dtype, expected));
        });
      }
    }
  }
  const Tensor x = Tensor::zeros({3}, DType::f64);
  CHECK(text_of<ShapeError>([&] { scaled_difference(x, x, x); }) ==
        "scaled_difference: a scalar, and two of one shape: [3] · [3] · [3]");
  CHECK(text_of<ShapeError>([&] { scaled_difference(s, x, s); }) ==
        "scaled_difference: a scalar, and two of one shape: [] · [3] · []");
  CHECK(text_of<DTypeError>([&] { scaled_difference(s.to(DType::f32), x, x); }) ==
        "scaled_difference: element types must be the same: lhs f32 · rhs f64 [use Tensor::to]");
}

TEST_CASE("elementwise: binary kernels name themselves in what they refuse") {
  const Tensor x = Tensor::zeros({2, 3}, DType::f64);
  for (const Binary& op : kBinary) {
    CHECK(text_of<ShapeError>([&] { op.kernel(x, Tensor::zeros({2}, DType::f64)); }) ==
          op.name + ": shapes must broadcast: lhs [2, 3] · rhs [2]  (3 != 2)");
    CHECK(text_of<DTypeError>([&] { op.kernel(x, x.to(DType::f32)); }) ==
          op.name + ": element types must be the same: lhs f64 · rhs f32 [use Tensor::to]");
  }
  CHECK(text_of<DTypeError>([&] { add_into(x.clone(), x.to(DType::f32)); }) ==
        "add: element types must be the same: lhs f64 · rhs f32 [use Tensor::to]");
}

TEST_CASE("add_into: writes into the only handle, and into nothing else") {
  const Tensor y = Tensor::full({3}, 10, DType::f64);
  Tensor x = testing::range({3});
  const double* buffer = x.data<double>();
  Tensor sum = add_into(std::move(x), y);
  CHECK(sum.data<double>() == buffer);
  CHECK(sum.values() == std::vector<double>{10, 11, 12});

  const Tensor shared = sum;
  CHECK(add_into(std::move(sum), y).values() == std::vector<double>{20, 21, 22});
  CHECK(shared.values() == std::vector<double>{10, 11, 12});

  const Tensor whole = testing::range({2, 3});
  CHECK(add_into(whole.select(0, 1), y).values() == std::vector<double>{13, 14, 15});
  CHECK(whole.values() == std::vector<double>{0, 1, 2, 3, 4, 5});

  CHECK(add_into(Tensor::zeros({2, 3}, DType::f64), y).shape() == Shape{2, 3});
  CHECK(add_into(Tensor::zeros({3}, DType::f64), testing::range({3, 2}).select(1, 0)).values() ==
        std::vector<double>{0, 2, 4});
}

TEST_CASE("elementwise: cast") {
  for (const Tensor& x : layouts(numbers({3, 4}, DType::f64))) {
    const Tensor narrow = cast(x, DType::f32);
    for_each_index(x.shape(), [&](const auto& i) {
      CHECK(at(narrow, i) == static_cast<double>(static_cast<float>(at(x, i))));
    });
    CHECK(equal_bits(cast(cast(narrow, DType::f64), DType::f32), narrow));
  }
}

TEST_CASE("elementwise: equal bits for every number of threads") {
  for (const DType dtype : kDTypes) {
    const Tensor wide = numbers({401, 300}, dtype, 5, 0.1, 3);
    for (const Tensor& x : {numbers({100'003}, dtype, 6, 0.1, 3), wide.transpose()}) {
      for (const Unary& op : kUnary) {
        CAPTURE(op.name);
        testing::check_every_thread_count([&] { return op.kernel(x); });
      }
    }
    for (const Binary& op : kBinary) {
      CAPTURE(op.name);
      const Tensor other = numbers({300, 401}, dtype, 7, 0.1, 3).transpose();
      for (const Shape& shape : {Shape{401, 300}, Shape{300}, Shape{401, 1}, Shape{}}) {
        const Tensor y = numbers(shape, dtype, 8, 0.1, 3);
        testing::check_every_thread_count([&] { return op.kernel(wide, y); });
      }
      testing::check_every_thread_count([&] { return op.kernel(wide, other); });
    }
    testing::check_every_thread_count([&] { return add_into(wide.clone(), wide); });
  }
}

}  // namespace
}  // namespace taskgrad::kernels
