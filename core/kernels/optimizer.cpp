#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/eigen_maps.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cmath>

namespace taskgrad::kernels {
namespace {

void check_alike(const char* where, const Tensor& value, const Tensor& state,
                 const Tensor& gradient) {
  if (!(value.shape() == state.shape()) || !(value.shape() == gradient.shape())) {
    fail<ShapeError>("{}: value, state and gradient have one shape: {} · {} · {}", where,
                     value.shape(), state.shape(), gradient.shape());
  }
  if (value.dtype() != state.dtype() || value.dtype() != gradient.dtype()) {
    fail<DTypeError>("{}: value, state and gradient have one element type: {} · {} · {}", where,
                     value.dtype(), state.dtype(), gradient.dtype());
  }
}

// A tensor, or a packed copy of one that is not. Taking another handle of a packed one would make a
// `next` that is the same handle seem shared.
class Contiguous {
 public:
  explicit Contiguous(const Tensor& x)
      : copy_(x.is_contiguous() ? Tensor() : x.clone()), tensor_(copy_.defined() ? copy_ : x) {}
  const Tensor* operator->() const { return &tensor_; }

 private:
  const Tensor copy_;
  const Tensor& tensor_;
};

std::int64_t blocks_of(std::int64_t size) { return (size + kBlock - 1) / kBlock; }

// Calls update(first, count) for pieces of a block of `size` elements that stay in the first cache
// between its expressions.
template <class F>
void for_each_piece(std::int64_t block, std::int64_t size, const F& update) {
  constexpr std::int64_t kPiece = 1'024;
  const std::int64_t last = std::min(size, (block + 1) * kBlock);
  for (std::int64_t first = block * kBlock; first < last; first += kPiece) {
    update(first, std::min(kPiece, last - first));
  }
}

}  // namespace

void adam(const Tensor& value, Tensor& next, Tensor& mean, Tensor& variance, const Tensor& gradient,
          const AdamRates& rates) {
  check_alike("adam", value, mean, gradient);
  check_alike("adam", value, variance, gradient);
  check_alike("adam", value, next, gradient);
  const Contiguous from(value);
  const Contiguous slope(gradient);
  dispatch(value.dtype(), [&]<class T>(Type<T>) {
    T* out = next.mutable_data<T>();
    const T* in = from->data<T>();
    T* m = mean.mutable_data<T>();
    T* v = variance.mutable_data<T>();
    const T* g = slope->data<T>();
    const T beta1 = static_cast<T>(rates.beta1);
    const T beta2 = static_cast<T>(rates.beta2);
    const T step = static_cast<T>(rates.step / rates.first_correction);
    const T correction = static_cast<T>(1.0 / std::sqrt(rates.second_correction));
    const T epsilon = static_cast<T>(rates.epsilon);
    const T kept = static_cast<T>(1.0 - rates.step * rates.decay);
    const auto update = [&](std::int64_t first, std::int64_t count) {
      const ArrayIn<T> gradients(g + first, count);
      ArrayOut<T> means(m + first, count);
      ArrayOut<T> variances(v + first, count);
      means = means * beta1 + gradients * (T(1) - beta1);
      variances = variances * beta2 + gradients * gradients * (T(1) - beta2);
      ArrayOut<T>(out + first, count) = ArrayIn<T>(in + first, count) * kept -
                                        means * step / (variances.sqrt() * correction + epsilon);
    };
    parallel_blocks(blocks_of(value.size()), 4 * value.size(),
                    [&](std::int64_t block) { for_each_piece(block, value.size(), update); });
  });
}

void sgd(const Tensor& value, Tensor& next, Tensor& velocity, const Tensor& gradient, double rate,
         double momentum, double decay) {
  check_alike("sgd", value, velocity, gradient);
  check_alike("sgd", value, next, gradient);
  const Contiguous from(value);
  const Contiguous slope(gradient);
  dispatch(value.dtype(), [&]<class T>(Type<T>) {
    T* out = next.mutable_data<T>();
    const T* in = from->data<T>();
    T* u = velocity.mutable_data<T>();
    const T* g = slope->data<T>();
    const auto update = [&](std::int64_t first, std::int64_t count) {
      const ArrayIn<T> values(in + first, count);
      ArrayOut<T> velocities(u + first, count);
      velocities = velocities * static_cast<T>(momentum) + ArrayIn<T>(g + first, count) +
                   values * static_cast<T>(decay);
      ArrayOut<T>(out + first, count) = values - velocities * static_cast<T>(rate);
    };
    parallel_blocks(blocks_of(value.size()), 2 * value.size(),
                    [&](std::int64_t block) { for_each_piece(block, value.size(), update); });
  });
}

}  // namespace taskgrad::kernels
