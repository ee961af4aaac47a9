// A GradNorm step on a small network, by op and by order of derivative: 0 is the forward pass, 1
// the gradients, 2 the gradient of the gradient norms.
#include <taskgrad/taskgrad.h>

#include <iostream>

using namespace taskgrad;

int main() {
  const Rng rng(1);
  nn::MultiTask model(
      nn::Sequential(nn::Linear(64, 64), nn::Relu(), nn::Linear(64, 64), nn::Relu()),
      nn::repeat(3, [] { return nn::Linear(64, 16); }));
  model.init(rng.stream("init"));
  GradNorm balancer(model.tasks());
  nn::Adam optimizer(model.all());
  const Tensor x = rng.stream("x").normal({32, 64}, 0, 1, DType::f32);
  const std::vector<Tensor> targets(3, rng.stream("y").normal({32, 16}, 0, 1, DType::f32));

  const auto train = [&] {
    Step step(nn::mse(model(constant(x)), targets), model);
    optimizer.step(balancer.backward(step));
  };
  train();  // the first one takes memory from the system
  Profile profile;
  for (int i = 0; i < 100; ++i) train();
  profile.print(std::cout);
}
