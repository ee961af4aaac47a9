#include <taskgrad/core/memory.h>
#include <taskgrad/core/tensor.h>

#include "testing.h"
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace taskgrad {
namespace {

using testing::at;
using testing::for_each_index;
using testing::kDTypes;
using testing::range;
using testing::text_of;

std::string printed(const Tensor& tensor) {
  std::ostringstream out;
  out << tensor;
  return out.str();
}

std::vector<std::int64_t> strides_of(const Tensor& x) {
  return {x.strides().begin(), x.strides().begin() + x.rank()};
}

TEST_CASE("Tensor: factories") {
  for (const DType dtype : kDTypes) {
    CHECK(Tensor::full({2, 2}, 1.5, dtype).values() == std::vector<double>{1.5, 1.5, 1.5, 1.5});
    CHECK(Tensor::zeros({3}, dtype).values() == std::vector<double>{0, 0, 0});
    CHECK(Tensor::scalar(2.5, dtype).item() == 2.5);
    CHECK(Tensor::scalar(2.5, dtype).shape() == Shape{});
    CHECK(Tensor::from({3}, {1, 2, 3}, dtype).values() == std::vector<double>{1, 2, 3});
    CHECK(Tensor::from({2, 0}, {}, dtype).values().empty());
    CHECK(Tensor::empty({2, 3}, dtype).dtype() == dtype);
    CHECK(Tensor::empty({2, 3}, dtype).is_contiguous());
  }
  CHECK(Tensor::scalar(0.1, DType::f32).item() == static_cast<double>(0.1f));
}

TEST_CASE("Tensor: a copy is a second handle") {
  Tensor a = range({3});
  CHECK(a.unique());
  Tensor b = a;
  CHECK(b.data<double>() == a.data<double>());
  CHECK_FALSE(a.unique());
  b = Tensor();
  CHECK_FALSE(b.defined());
  CHECK_FALSE(b.unique());
  CHECK(a.unique());
  Tensor& same = a;
  a = same;
  CHECK(a.unique());
  const Tensor c = std::move(a);
  CHECK_FALSE(a.defined());  // NOLINT: a moved-from handle is undefined by contract
  CHECK(c.unique());
}

TEST_CASE("Tensor: elements are written through mutable_data") {
  Tensor x = Tensor::empty({2}, DType::f32);
  x.mutable_data<float>()[0] = 1;
  x.mutable_data<float>()[1] = -2;
  CHECK(x.values() == std::vector<double>{1, -2});
}

struct ViewRow {
  std::string label;
  Tensor view;
  Shape shape;
  std::vector<std::int64_t> strides;
  std::vector<double> values;
  bool contiguous;
};

std::vector<ViewRow> views() {
  const Tensor x = range({2, 3, 4});
  const Tensor m = range({2, 3});
  const Tensor row = range({1, 3});
  const std::vector<int> order{2, 0, 1}, backwards{-1, -2}, none{};
  return {
      {"reshape", m.reshape({3, 2}), {3, 2}, {2, 1}, {0, 1, 2, 3, 4, 5}, true},
      {"reshape to a scalar", range({1, 1}).reshape({}), {}, {}, {0}, true},
      {"reshape, empty", range({0, 3}).reshape({2, 0}), {2, 0}, {0, 1}, {}, true},
      {"reshape, not packed", m.transpose().reshape({6}), {6}, {1}, {0, 3, 1, 4, 2, 5}, true},
      {"permute",
       x.permute(order).slice(0, 0, 1),
       {1, 2, 3},
       {1, 12, 4},
       {0, 4, 8, 12, 16, 20},
       false},
      {"permute, negative", m.permute(backwards), {3, 2}, {1, 3}, {0, 3, 1, 4, 2, 5}, false},
      {"permute, scalar", Tensor::scalar(7, DType::f64).permute(none), {}, {}, {7}, true},
      {"transpose", m.transpose(), {3, 2}, {1, 3}, {0, 3, 1, 4, 2, 5}, false},
      {"transpose twice", m.transpose().transpose(), {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}, true},
      {"transpose of a row", row.transpose(), {3, 1}, {1, 1}, {0, 1, 2}, true},
      {"slice, rows", m.slice(0, 1, 2), {1, 3}, {3, 1}, {3, 4, 5}, true},
      {"slice, columns", m.slice(1, 1, 3), {2, 2}, {3, 1}, {1, 2, 4, 5}, false},
      {"slice, nothing", m.slice(1, 2, 2), {2, 0}, {0, 1}, {}, true},
      {"slice, the end", m.slice(0, 2, 2), {0, 3}, {3, 1}, {}, true},
      {"select, row", m.select(0, 1), {3}, {1}, {3, 4, 5}, true},
      {"select, column", m.select(1, 2), {2}, {3}, {2, 5}, false},
      {"select, element", m.select(0, 1).select(0, 2), {}, {}, {5}, true},
      {"expand, row", row.expand({2, 3}), {2, 3}, {0, 1}, {0, 1, 2, 0, 1, 2}, false},
      {"expand, new axis", row.expand({2, 1, 3}), {2, 1, 3}, {0, 3, 1}, {0, 1, 2, 0, 1, 2}, false},
      {"expand, column", range({2, 1}).expand({2, 2}), {2, 2}, {1, 0}, {0, 0, 1, 1}, false},
      {"expand, scalar", Tensor::scalar(7, DType::f64).expand({2}), {2}, {0}, {7, 7}, false},
      {"expand, same", m.expand({2, 3}), {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}, true},
      {"expand, to nothing", row.expand({0, 3}), {0, 3}, {3, 1}, {}, true},
  };
}

TEST_CASE("Tensor: views") {
  for (const ViewRow& row : views()) {
    CAPTURE(row.label);
    CHECK(row.view.shape() == row.shape);
    CHECK(strides_of(row.view) == row.strides);
    CHECK(row.view.values() == row.values);
    CHECK(row.view.is_contiguous() == row.contiguous);
    std::vector<double> by_strides;
    for_each_index(row.shape, [&](const auto& i) { by_strides.push_back(at(row.view, i)); });
    CHECK(by_strides == row.values);
    CHECK(row.view.contiguous().is_contiguous());
    CHECK(row.view.clone().values() == row.values);
    CHECK(row.view.to(DType::f32).values() == row.values);
  }
}

TEST_CASE("Tensor: a view shares the elements and keeps them alive") {
  Tensor x = range({2, 3});
  const double* first = x.data<double>();
  Tensor view = x.slice(0, 1, 2).transpose();
  CHECK(view.data<double>() == first + 3);
  CHECK_FALSE(x.unique());
  CHECK_FALSE(view.unique());
  x = Tensor();
  CHECK(view.values() == std::vector<double>{3, 4, 5});
  CHECK_FALSE(view.unique());

  Tensor y = range({3});
  y.reshape({3, 1});
  CHECK(y.unique());
}

TEST_CASE("Tensor: contiguous and to are free when nothing changes, clone never is") {
  const Tensor x = range({2, 3});
  CHECK(x.contiguous().data<double>() == x.data<double>());
  CHECK(x.to(DType::f64).data<double>() == x.data<double>());
  CHECK(x.clone().data<double>() != x.data<double>());
  CHECK(x.clone().unique());
}

TEST_CASE("Tensor: conversion rounds once") {
  const Tensor x = Tensor::from({2}, {0.1, 1e300}, DType::f64);
  CHECK(x.to(DType::f32).data<float>()[0] == 0.1f);
  CHECK(std::isinf(x.to(DType::f32).data<float>()[1]));
  CHECK(x.to(DType::f32).to(DType::f64).data<double>()[0] == static_cast<double>(0.1f));
}

TEST_CASE("Tensor: everything is given back") {
  const std::int64_t before = memory::stats().bytes_in_use;
  {
    const Tensor x = range({20, 30});
    CHECK(memory::stats().bytes_in_use >= before + 600 * 8);
    const Tensor y = x.transpose().slice(0, 1, 5).contiguous();
    for (const ViewRow& row : views()) static_cast<void>(row.view.values());
  }
  CHECK(memory::stats().bytes_in_use == before);
}

TEST_CASE("Tensor: what it refuses") {
  const Tensor x = range({2, 3});
  const std::vector<int> one{0}, twice{0, 0}, far{0, 2};
  CHECK(text_of<ShapeError>([] {
          Tensor::from({2, 2}, {1, 2, 3}, DType::f32);
        }) == "Tensor::from: [2, 2] has 4 elements: 3 were given");
  CHECK(text_of<DTypeError>([&] { x.data<float>(); }) ==
        "Tensor::data: element type must match: the tensor is f64, f32 was asked for");
  CHECK(text_of<DTypeError>([] { Tensor::zeros({1}, DType::f32).mutable_data<double>(); }) ==
        "Tensor::data: element type must match: the tensor is f32, f64 was asked for");
  CHECK(text_of<ShapeError>([&] { x.item(); }) == "item: one element is needed: shape [2, 3]");
  CHECK(text_of<ShapeError>([&] { x.reshape({5}); }) ==
        "reshape: the number of elements must stay: [2, 3] to [5]");
  CHECK(text_of<ShapeError>([&] { x.permute(one); }) ==
        "permute: one entry an axis: 1 for shape [2, 3]");
  CHECK(text_of<ShapeError>([&] { x.permute(twice); }) == "permute: each axis at most once: 0");
  CHECK(text_of<ShapeError>([&] { x.permute(far); }) == "permute: axes must lie in [-2, 2): 2");
  CHECK(text_of<ShapeError>([&] { x.select(0, 0).transpose(); }) ==
        "transpose: at least two axes: shape [3]");
  struct Bad {
    int axis;
    std::int64_t start, stop;
  };
  for (const Bad& bad : {Bad{2, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 2, 1}, {1, 0, 4}}) {
    CHECK(text_of<ShapeError>([&] { x.slice(bad.axis, bad.start, bad.stop); }) ==
          "slice: needs 0 <= start <= stop <= extent: axis " + std::to_string(bad.axis) + " from " +
              std::to_string(bad.start) + " to " + std::to_string(bad.stop) + " of [2, 3]");
  }
  for (const Bad& bad : {Bad{2, 0, 0}, {-1, 0, 0}, {0, -1, 0}, {0, 2, 0}}) {
    CHECK(text_of<ShapeError>([&] { x.select(bad.axis, bad.start); }) ==
          "select: axis and index must exist: axis " + std::to_string(bad.axis) + ", index " +
              std::to_string(bad.start) + " of [2, 3]");
  }
  CHECK(text_of<ShapeError>([&] {
          x.expand({3, 3});
        }) == "expand: x must broadcast to the shape: x [2, 3] · [3, 3]");
}

TEST_CASE("equal_bits and hash_bits: shape, type and every bit, whatever the layout") {
  const Tensor x = range({2, 3});
  const Tensor same = range({3, 2}).reshape({2, 3});
  const Tensor moved = x.transpose().contiguous().transpose();
  CHECK(equal_bits(x, same));
  CHECK(equal_bits(x, moved));
  CHECK(hash_bits(x) == hash_bits(moved));

  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(equal_bits(Tensor::scalar(nan, DType::f64), Tensor::scalar(nan, DType::f64)));

  const Tensor zero = Tensor::scalar(0.0, DType::f64);
  const Tensor others[] = {Tensor::scalar(-0.0, DType::f64), Tensor::scalar(0.0, DType::f32),
                           Tensor::zeros({1}, DType::f64), Tensor::zeros({0}, DType::f64),
                           Tensor::scalar(std::numeric_limits<double>::denorm_min(), DType::f64)};
  for (const Tensor& other : others) {
    CHECK_FALSE(equal_bits(zero, other));
    CHECK(hash_bits(zero) != hash_bits(other));
  }
  CHECK(hash_bits(zero, 1) != hash_bits(zero, 2));
  CHECK(equal_bits(Tensor::zeros({0}, DType::f64), Tensor::empty({0}, DType::f64)));
}

TEST_CASE("Tensor: printing") {
  CHECK(printed(Tensor()) == "undefined");
  CHECK(printed(Tensor::scalar(0.5, DType::f32)) == "f32 [] {0.5}");
  CHECK(printed(range({2, 2}).transpose()) == "f64 [2, 2] {0, 2, 1, 3}");
  CHECK(printed(range({32})).size() > 20);
  CHECK(printed(range({33})) == "f64 [33]");
}

}  // namespace
}  // namespace taskgrad
