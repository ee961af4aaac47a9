#include <taskgrad/balancers/dual_cone.h>
#include <taskgrad/balancers/solvers.h>

namespace taskgrad {

Vec UpGrad::gramian_weights(const Matrix& gramian, const Present& present) {
  const int tasks = present.count();
  Vec total(tasks);
  for (int i = 0; i < tasks; ++i) {
    Vec u(tasks);
    u[i] = 1.0 / tasks;
    total = total + solvers::project_dual_cone(gramian, u);
  }
  return total;
}

Vec DualProj::gramian_weights(const Matrix& gramian, const Present& present) {
  return solvers::project_dual_cone(gramian, Vec(present.count(), 1.0 / present.count()));
}

}  // namespace taskgrad
