#include <taskgrad/core/fail.h>
#include <taskgrad/core/kernels.h>
#include <taskgrad/core/kernels/share_work.h>
#include <taskgrad/core/parallel.h>

#include <algorithm>
#include <cmath>
#include <span>

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
  TASKGRAD_ASSERT(value.is_contiguous() && gradient.is_contiguous());
}

std::int64_t blocks_of(std::int64_t size) { return (size + kBlock - 1) / kBlock; }

// Shares the blocks of all parameters out to threads, about as many elements to each; calls
// update(parameter, begin, end) for a thread's elements of each. An element counts as one
// operation, which is less than it takes: what another thread has written is far away for the next
// kernel.
template <class Update, class F>
void share_parameters(std::span<const Update> updates, const F& update) {
  std::int64_t blocks = 0, elements = 0;
  for (const Update& each : updates) {
    blocks += blocks_of(each.value.size());
    elements += each.value.size();
  }
  const std::int64_t runs = runs_for(elements, blocks);
  parallel_blocks(runs, elements, [&](std::int64_t run) {
    std::int64_t begin = run * elements / runs;  // counted from the parameter's first element
    std::int64_t end = (run + 1) * elements / runs;
    for (const Update& each : updates) {
      const std::int64_t size = each.value.size();
      update(each, std::max<std::int64_t>(blocks_of(begin), 0) * kBlock,
             std::min(blocks_of(end) * kBlock, size));
      begin -= size;
      end -= size;
    }
  });
}

}  // namespace

void adam(std::span<const AdamUpdate> updates, const AdamRates& rates) {
  for (const AdamUpdate& each : updates) {
    check_alike("adam", each.value, each.mean, each.gradient);
    check_alike("adam", each.value, each.variance, each.gradient);
    check_alike("adam", each.value, each.next, each.gradient);
  }
  const auto update = [&](const AdamUpdate& each, std::int64_t begin, std::int64_t end) {
    dispatch(each.value.dtype(), [&]<class T>(Type<T>) {
      T* next = each.next.mutable_data<T>();
      T* m = each.mean.mutable_data<T>();
      T* v = each.variance.mutable_data<T>();
      const T* value = each.value.data<T>();
      const T* g = each.gradient.data<T>();
      const T beta1 = static_cast<T>(rates.beta1);
      const T beta2 = static_cast<T>(rates.beta2);
      const T step = static_cast<T>(rates.step / rates.first_correction);
      const T correction = static_cast<T>(1.0 / std::sqrt(rates.second_correction));
      const T epsilon = static_cast<T>(rates.epsilon);
      const T kept = static_cast<T>(1.0 - rates.step * rates.decay);
#pragma omp simd  // `next` may be `value`
      for (std::int64_t i = begin; i < end; ++i) {
        const T mean = m[i] * beta1 + g[i] * (T(1) - beta1);
        const T variance = v[i] * beta2 + g[i] * g[i] * (T(1) - beta2);
        m[i] = mean;
        v[i] = variance;
        next[i] = value[i] * kept - mean * step / (std::sqrt(variance) * correction + epsilon);
      }
    });
  };
  share_parameters(updates, update);
}

void sgd(std::span<const SgdUpdate> updates, const SgdRates& rates) {
  for (const SgdUpdate& each : updates) {
    check_alike("sgd", each.value, each.velocity, each.gradient);
    check_alike("sgd", each.value, each.next, each.gradient);
  }
  const auto update = [&](const SgdUpdate& each, std::int64_t begin, std::int64_t end) {
    dispatch(each.value.dtype(), [&]<class T>(Type<T>) {
      T* next = each.next.mutable_data<T>();
      T* u = each.velocity.mutable_data<T>();
      const T* value = each.value.data<T>();
      const T* g = each.gradient.data<T>();
      const T momentum = static_cast<T>(rates.momentum);
      const T decay = static_cast<T>(rates.decay);
      const T step = static_cast<T>(rates.step);
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) {
        const T velocity = u[i] * momentum + g[i] + value[i] * decay;
        u[i] = velocity;
        next[i] = value[i] - velocity * step;
      }
    });
  };
  share_parameters(updates, update);
}

}  // namespace taskgrad::kernels
