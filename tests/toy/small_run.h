// A run of milliseconds, and whether two runs came to the same bits.
#pragma once

#include <taskgrad/toy/experiment.h>

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace taskgrad::test {

inline toy::RunOptions small_run(const std::string& balancer = "gradnorm") {
  return {
      .problem = {.input_size = 12, .output_size = 5, .train_examples = 40, .test_examples = 20},
      .width = 16,
      .balancer = balancer,
      .steps = 20,
      .batch_size = 8,
      .eval_every = 8};
}

inline std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

inline void check_same_history(const std::vector<toy::Evaluation>& got,
                               const std::vector<toy::Evaluation>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].step == expected[i].step);
    CHECK(bits_of(got[i].train_losses) == bits_of(expected[i].train_losses));
    CHECK(bits_of(got[i].weights) == bits_of(expected[i].weights));
    CHECK(bits_of(got[i].grad_norms) == bits_of(expected[i].grad_norms));
    CHECK(bits_of(got[i].targets) == bits_of(expected[i].targets));
    CHECK(bits_of(got[i].test_losses) == bits_of(expected[i].test_losses));
    CHECK(bits_of({got[i].metric}) == bits_of({expected[i].metric}));
  }
}

/// All but the seconds.
inline void check_same_result(const toy::RunResult& got, const toy::RunResult& expected) {
  CHECK(got.balancer == expected.balancer);
  CHECK(got.tasks == expected.tasks);
  CHECK(got.sigmas == expected.sigmas);
  CHECK(got.seed == expected.seed);
  CHECK(got.steps == expected.steps);
  CHECK(bits_of({got.metric, got.metric_initial}) ==
        bits_of({expected.metric, expected.metric_initial}));
  CHECK(bits_of(got.weights) == bits_of(expected.weights));
  CHECK(got.label == expected.label);
  CHECK(bits_of(got.mean_weights) == bits_of(expected.mean_weights));
  CHECK(bits_of({got.noisy_metric, got.input_slope}) ==
        bits_of({expected.noisy_metric, expected.input_slope}));
  CHECK(bits_of(got.test_losses) == bits_of(expected.test_losses));
  CHECK(bits_of(got.initial_test_losses) == bits_of(expected.initial_test_losses));
  CHECK(got.fingerprint == expected.fingerprint);
  CHECK(got.error == expected.error);
  CHECK(got.interrupted == expected.interrupted);
  check_same_history(got.history, expected.history);
}

}  // namespace taskgrad::test
