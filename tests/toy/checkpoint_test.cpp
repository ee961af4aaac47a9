// A run goes on from a checkpoint, in memory and from a file, to the bits of a run without one.
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/safetensors.h>
#include <taskgrad/toy/checkpoint.h>
#include <taskgrad/toy/files.h>
#include <taskgrad/toy/variants.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "disk.h"
#include "small_run.h"
#include <cmath>
#include <limits>

namespace taskgrad::toy {
namespace {

using test::FullDisk, test::small_run, test::TemporaryDirectory;

std::vector<Checkpoint> checkpoints_of(const RunOptions& options, std::int64_t every) {
  std::vector<Checkpoint> all;
  run(options, {.on_checkpoint = [&](const Checkpoint& at) { all.push_back(at); },
                .checkpoint_every = every});
  return all;
}

std::string error_of(const std::string& path, const RunOptions& run, const char* study = "study") {
  try {
    load_checkpoint(path, run, study);
  } catch (const IoError& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("run: checkpoints come every so many steps and at the end, one a step at most") {
  const auto steps = [](const std::vector<Checkpoint>& all) {
    std::vector<std::int64_t> at;
    for (const Checkpoint& checkpoint : all) at.push_back(checkpoint.result.steps);
    return at;
  };
  CHECK(steps(checkpoints_of(small_run(), 6)) == std::vector<std::int64_t>{6, 12, 18, 20});
  CHECK(steps(checkpoints_of(small_run(), 10)) == std::vector<std::int64_t>{10, 20});
  CHECK(steps(checkpoints_of(small_run(), 0)).size() == 20);
  const std::vector<Checkpoint> all = checkpoints_of(small_run(), 6);
  CHECK(all[2].began());
  CHECK_FALSE(all[2].done());
  CHECK(all[3].done());
  CHECK_FALSE(Checkpoint().began());
  test::check_same_result(all[3].result, run(small_run()));
}

TEST_CASE("run: every method goes on from every checkpoint to the same bits") {
  std::vector<std::string_view> names = balancer_names();
  for (const Departure& departure : departures()) names.push_back(departure.name);
  for (const std::string_view name : names) {
    CAPTURE(name);
    RunOptions options = small_run(std::string(name));
    options.problem.sigmas = {1, 10, 100};
    const RunResult whole = run(options);
    for (const Checkpoint& checkpoint : checkpoints_of(options, 6)) {
      test::check_same_result(run(options, {}, checkpoint), whole);
    }
  }
}

TEST_CASE("run: so does every kind of data and optimizer") {
  for (const Data data : {Data::fresh, Data::fixed}) {
    for (const OptimizerKind optimizer : {OptimizerKind::adam, OptimizerKind::sgd}) {
      RunOptions options = small_run();
      options.problem.data = data;
      options.problem.dtype = DType::f64;
      options.optimizer = optimizer;
      if (optimizer == OptimizerKind::sgd) options.lr = 1e-6;
      options.momentum = optimizer == OptimizerKind::sgd ? 0.9 : 0;
      const RunResult whole = run(options);
      REQUIRE(whole.error.empty());
      test::check_same_result(run(options, {}, checkpoints_of(options, 7)[0]), whole);
    }
  }
}

TEST_CASE("run: the evaluation that ends a stopped run is not in its checkpoint") {
  std::atomic<bool> stop = false;
  std::vector<Checkpoint> all;
  const RunOptions options = small_run();
  const RunResult stopped =
      run(options, {.on_step = [&](std::int64_t steps) { stop = steps == 11; },
                    .on_checkpoint = [&](const Checkpoint& at) { all.push_back(at); },
                    .checkpoint_every = 100,
                    .stop = &stop});
  CHECK(stopped.history.back().step == 11);
  REQUIRE(all.size() == 1);
  CHECK(all[0].result.steps == 11);
  CHECK(all[0].result.history.back().step == 8);
  std::vector<std::int64_t> seen;
  const RunResult result =
      run(options, {.on_evaluation = [&](const Evaluation& e) { seen.push_back(e.step); }}, all[0]);
  test::check_same_result(result, run(options));
  CHECK(seen == std::vector<std::int64_t>{16, 20});
}

TEST_CASE("run: a run that diverged is done") {
  RunOptions options = small_run();
  options.optimizer = OptimizerKind::sgd;
  options.lr = 1e10;
  const Checkpoint end = checkpoints_of(options, 100).back();
  CHECK(end.done());
  CHECK_FALSE(end.result.error.empty());
  std::int64_t steps = 0;
  test::check_same_result(run(options, {.on_step = [&](std::int64_t) { ++steps; }}, end),
                          run(options));
  CHECK(steps == 0);
}

TEST_CASE("checkpoint: a file gives every bit back") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "000.safetensors";
  RunOptions options = small_run();
  options.seed = std::numeric_limits<std::uint64_t>::max();
  options.problem.sigmas = {0.1, 1e-300};
  options.label = "a run";
  std::vector<Checkpoint> all = checkpoints_of(options, 6);
  const double nan = std::nan("7");
  all[1].result.history[1] = {.step = std::int64_t{1} << 52,
                              .train_losses = {-0.0, 5e-324, nan},
                              .weights = {},
                              .grad_norms = {HUGE_VAL},
                              .metric = -nan};
  all[2].result.error = "a \"loss\"\nwas not finite: \u221e";
  for (Checkpoint& checkpoint : all) {
    conclude(checkpoint.result);
    save_checkpoint(path, checkpoint, "study");
    const Checkpoint back = load_checkpoint(path, options, "study");
    test::check_same_result(back.result, checkpoint.result);
    CHECK(back.result.seconds == checkpoint.result.seconds);
    CHECK(back.done() == checkpoint.done());
    REQUIRE(back.state.tensors.size() == checkpoint.state.tensors.size());
    for (const auto& [name, tensor] : checkpoint.state.tensors) {
      CHECK(equal_bits(back.state.tensors.at(name), tensor));
    }
  }
}

TEST_CASE("load_checkpoint: a file that is damaged in any place is refused by its name") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "000.safetensors";
  const RunOptions options = small_run();
  save_checkpoint(path, checkpoints_of(options, 6)[0], "study");
  const std::string good = read_file(path);
  CHECK(error_of(path, options) == "no error");

  for (std::size_t cut = 0; cut < good.size(); cut += 1 + good.size() / 60) {
    replace_file(path, std::string_view(good).substr(0, cut));
    CHECK(error_of(path, options).starts_with(path + ": "));
  }
  for (std::size_t place = 8; place < good.size(); place += 1 + good.size() / 300) {
    CAPTURE(place);
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 1);
    replace_file(path, bad);
    CHECK(error_of(path, options).starts_with(path + ": "));
  }
  std::string bad = good;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  replace_file(path, bad);
  CHECK(error_of(path, options) ==
        path + ": must be as it was written: the checksum differs [remove it to repeat its run]");
}

/// A file that was changed with care: its checksum is right.
void replace_changed(const std::string& path, StateDict file) {
  file.text.erase("checksum");
  std::uint64_t hash = 14695981039346656037u;
  for (const char byte : encode_safetensors(file, "")) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  }
  file.text["checksum"] = fmt::format("{:016x}", hash);
  save(path, file);
}

TEST_CASE("load_checkpoint: a file without all that belongs to it is refused") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "000.safetensors";
  save_checkpoint(path, checkpoints_of(small_run(), 6)[0], "study");
  const StateDict good = load(path);
  replace_changed(path, good);
  CHECK(error_of(path, small_run()) == "no error");

  const auto refusal = [&](const std::string& name) {
    return fmt::format("{}: must be a checkpoint of this program: it has no {:?} of the right size",
                       path, name);
  };
  for (const std::string name : {"study", "run", "status", "fingerprint", "error"}) {
    StateDict bad = good;
    bad.text.erase(name);
    replace_changed(path, bad);
    CHECK(error_of(path, small_run()) == refusal(name));
  }
  for (const std::string name :
       {"result.steps", "result.seconds", "result.mean_weights", "history.step", "history.metric",
        "history.weights", "history.targets.sizes"}) {
    StateDict bad = good;
    bad.tensors.erase(name);
    replace_changed(path, bad);
    CHECK(error_of(path, small_run()) == refusal(name));
  }
  for (const double size : {-1.0, 1e300, std::nan(""), 3.0}) {
    StateDict bad = good;
    bad.tensors["history.weights.sizes"] = Tensor::from({1}, {size}, DType::f64);
    replace_changed(path, bad);
    CHECK(error_of(path, small_run()) == refusal("weights"));
  }
}

TEST_CASE("load_checkpoint: a file of another run or study is refused") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "000.safetensors";
  save_checkpoint(path, checkpoints_of(small_run(), 100)[0], "study");
  RunOptions other = small_run();
  other.seed = 2;
  CHECK(error_of(path, other) == path +
                                     ": must be of gradnorm on 1,100, seed 2: it is of gradnorm "
                                     "on 1,100, seed 1");
  CHECK(error_of(path, small_run(), "another") ==
        path + ": must have been saved under the options of its study: they are others");
  CHECK(error_of(temporary / "none", other) ==
        temporary / "none" + ": could not be read: No such file or directory");
}

TEST_CASE("save_checkpoint: on a full disk the last good one stays, and nothing else") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "000.safetensors";
  const std::vector<Checkpoint> all = checkpoints_of(small_run(), 6);
  save_checkpoint(path, all[0], "study");
  const std::string good = read_file(path);
  std::string text = "no error";
  {
    const FullDisk full;
    try {
      save_checkpoint(path, all[1], "study");
    } catch (const IoError& error) {
      text = error.what();
    }
  }
  CHECK(text == path + ": could not be written: File too large");
  CHECK(read_file(path) == good);
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
  CHECK_THROWS_WITH_AS(
      save_checkpoint(temporary / "none/000.safetensors", all[1], "study"),
      (temporary / "none/000.safetensors" + ": could not be written: No such file or directory")
          .c_str(),
      IoError);
}

TEST_CASE("replace_file: what a kill left aside does no harm") {
  const TemporaryDirectory temporary;
  const std::string path = temporary / "file";
  replace_file(path, "old");
  replace_file(path + ".tmp", "half of something long");
  replace_file(path, "new");
  CHECK(read_file(path) == "new");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

}  // namespace
}  // namespace taskgrad::toy
