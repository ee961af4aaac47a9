#include <taskgrad/taskgrad.h>

#include <Eigen/Dense>

#include <iostream>

using namespace taskgrad;

int main() {
  const Rng rng(42);
  nn::MultiTask model(nn::Sequential(nn::Linear(4, 16), nn::Relu()),
                      nn::repeat(2, [] { return nn::Linear(16, 1); }));
  model.init(rng.stream("init"));
  GradNorm balancer(model.tasks(), {.alpha = 0.12});
  nn::Adam optimizer(model.all(), {.lr = 1e-2});

  const Tensor x = rng.stream("x").normal({32, 4}, 0, 1, DType::f32);
  const Tensor y = rng.stream("y").normal({32, 1}, 0, 1, DType::f32);
  const Tensor targets[] = {y, y};
  double first = 0;
  double last = 0;
  for (int i = 0; i < 200; ++i) {
    const Var z = model.represent(constant(x));
    Step step(nn::mse(model.predict(z), targets), model, {.representation = z});
    (i == 0 ? first : last) = sum(step.values());
    optimizer.step(balancer.backward(step));
  }
  const Eigen::MatrixXf product = Eigen::MatrixXf::Ones(33, 17) * Eigen::MatrixXf::Ones(17, 9);
  std::cout << "loss " << first << " -> " << last << ", weights " << balancer.weights()[0] << ' '
            << balancer.weights()[1] << ", Eigen " << product.sum() << '\n';
  return last < first && product.sum() == 33 * 17 * 9 ? 0 : 1;
}
