#include <taskgrad/autograd/ops.h>
#include <taskgrad/toy/plane.h>

namespace taskgrad::toy {
namespace {

class Point : public nn::Layer {
 public:
  Point() : position(Shape{2}, DType::f64) {}
  Var operator()(const Var&) const override { return position.value(); }
  void visit(nn::Visitor& visitor) override { visitor("weight", position, nn::zeros()); }

  nn::Parameter position;
};

class Same : public nn::Layer {
 public:
  Var operator()(const Var& x) const override { return x; }
  void visit(nn::Visitor&) override {}
};

Var coordinate(const Var& point, int axis) {
  return sum(point * constant(Tensor::from({2}, {axis == 0 ? 1.0 : 0.0, axis == 1 ? 1.0 : 0.0},
                                           DType::f64)));
}

// log max(|x|, 5e-6) + 6
Var valley(const Var& x) { return log(maximum(abs(x), constant(5e-6, DType::f64))) + 6.0; }

// max(t, 0) with the derivative 1 at 0.
Var positive_part(const Var& t) { return t * (t.item() >= 0 ? 1.0 : 0.0); }

}  // namespace

nn::MultiTask point_model(double x, double y) {
  Point point;
  point.position.set(Tensor::from({2}, {x, y}, DType::f64));
  return nn::MultiTask(std::move(point), nn::repeat(2, [] { return Same(); }));
}

List<Var> plane_losses(const Var& point, double first_scale) {
  const Var x = coordinate(point, 0);
  const Var y = coordinate(point, 1);
  const Var bend = tanh(-y);
  const Var c1 = positive_part(tanh(y * 0.5));
  const Var c2 = positive_part(tanh(y * -0.5));
  const Var f1 = valley((-x - 7.0) * 0.5 - bend);
  const Var f2 = valley((-x + 3.0) * 0.5 + bend + 2.0);
  const Var depth = square(-y - 8.0) * 0.1;
  const Var q1 = (square(-x + 7.0) + depth) * 0.1 - 20.0;
  const Var q2 = (square(-x - 7.0) + depth) * 0.1 - 20.0;
  List<Var> losses;
  losses.push_back((c1 * f1 + c2 * q1) * first_scale);
  losses.push_back(c1 * f2 + c2 * q2);
  return losses;
}

}  // namespace taskgrad::toy
