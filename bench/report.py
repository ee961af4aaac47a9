#!/usr/bin/env python3
"""Runs the benchmark programs and writes what they measured.

A contest is a run of its program: its entrants are timed in turns, in random order, pinned to as many
cores as they have threads. Every figure is the median of the repetitions of several passes, every ratio
one of two such medians. A busy machine slows the entrants of a contest alike, as they are timed within
seconds of each other: ratios hold where absolute figures do not.

    bench/report.py --programs DIR             everything, to docs/performance.md
    bench/report.py --programs DIR --quick     fewer sizes and repetitions, to the terminal alone
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import tables

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ["gemm_bench", "kernels_bench", "ops_bench", "step_bench", "models_bench"]
# As toy/run.sh has it (see README, Speed): threads wait awake between two kernels of a step, and
# are asleep when another entrant has its turn.
WAITING = {"OMP_WAIT_POLICY": os.environ["OMP_WAIT_POLICY"]} if "OMP_WAIT_POLICY" in os.environ else {
    "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "30000")}
TOY_STEPS = r"/T:(2|10)/|/T:(5|20|50|100)/batch:100/"

# The short steps of the toy are timed in two processes where they use several threads, so that threads of one
# entrant that still wait awake take no core from the other.
APART = ("(ours|second_order|closed_form)$", "libtorch$")

# What is measured: per number of threads, programs and the benchmarks of each (regular expressions, each of
# which gets runs of its own).
FULL = {
    1: {"gemm_bench": ".", "kernels_bench": ".", "ops_bench": ".", "step_bench": TOY_STEPS, "models_bench": "."},
    2: {"gemm_bench": "f32", "step_bench": [f"/T:(2|10)/.*{who}" for who in APART], "models_bench": "."},
}
QUICK = {
    1: {
        "gemm_bench": "f32/../(100x|256x)",
        "kernels_bench": "/(10000|100x100|256x)",
        "ops_bench": ".",
        "step_bench": "/T:(2|10)/batch:(32|100)/|/T:100/batch:100/",
        "models_bench": ".",
    },
    2: {"step_bench": [f"/T:(2|10)/batch:100/{who}" for who in APART], "models_bench": "."},
}


def cores(count):
    """The last ones: the system's own work tends to run on the first."""
    allowed = sorted(os.sched_getaffinity(0))
    return ",".join(str(core) for core in allowed[-count:])


def start(program, threads, *arguments):
    """Waits for a program and returns what it printed; its messages matter only when it fails."""
    command = ["taskset", "-c", cores(threads), str(program), f"--threads={threads}", *arguments]
    done = subprocess.run(command, env=os.environ | WAITING, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    return done.stdout


class Results:
    """Medians of one number of threads: of time in microseconds and of rates, by contest and entrant."""

    def __init__(self):
        self.times, self.rates, self.context = {}, {}, {}
        self.repetitions = {}

    def read(self, report):
        """More repetitions, of benchmarks that are there already or not."""
        self.context |= report["context"]
        for run in sorted(report["benchmarks"], key=lambda run: run["family_index"]):  # not as they ran
            if run["run_type"] == "iteration":
                name = tuple(run["run_name"].rsplit("/", 1))
                self.repetitions.setdefault(name, []).append(run)

    def take_medians(self):
        scale = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}
        for name, runs in self.repetitions.items():
            self.times[name] = statistics.median(run["real_time"] * scale[run["time_unit"]] for run in runs)
            for unit in ("FLOP/s", "elements/s"):
                if unit in runs[0]:
                    self.rates[name] = statistics.median(run[unit] for run in runs)

    def spread(self):
        """Of half of the benchmarks: what the middle half of their repetitions spans, as a share of their
        median."""
        spreads = []
        for runs in self.repetitions.values():
            low, middle, high = statistics.quantiles((run["real_time"] for run in runs), n=4)
            spreads.append((high - low) / middle)
        return statistics.median(spreads)

    def time(self, contest, entrant):
        return self.times.get((contest, entrant))

    def rate(self, contest, entrant):
        return self.rates.get((contest, entrant))

    def contests(self, prefix=""):
        return list(dict.fromkeys(contest for contest, _ in self.times if contest.startswith(prefix)))

    def entrants(self, contest):
        return [entrant for name, entrant in self.times if name == contest]


def contests(program, wanted):
    """The entrants of each contest among the benchmarks that are wanted."""
    names = start(program, 1, "--benchmark_list_tests=true", f"--benchmark_filter={wanted}").split()
    found = {}
    for contest, entrant in (name.rsplit("/", 1) for name in names):
        found.setdefault(contest, []).append(entrant)
    return found


def measure(programs, plan, passes, repetitions, min_time):
    """A pass is all of the plan: what disturbs the machine for some minutes is in one of them alone."""
    results = {threads: Results() for threads in plan}
    for number in range(passes):
        for threads, chosen in plan.items():
            for program, wanted in chosen.items():
                print(f"{number + 1} of {passes}: {program}, {threads} thread(s) ...", file=sys.stderr)
                for benchmarks in [wanted] if isinstance(wanted, str) else wanted:
                    for contest, entrants in contests(programs / program, benchmarks).items():
                        one = f"^{contest}/({'|'.join(entrants)})$"
                        results[threads].read(run(programs / program, threads, one, repetitions, min_time))
    for of_threads in results.values():
        of_threads.take_medians()
    return results


def run(program, threads, benchmarks, repetitions, min_time):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        start(
            program,
            threads,
            f"--benchmark_filter={benchmarks}",
            f"--benchmark_repetitions={repetitions}",
            f"--benchmark_min_time={min_time}",
            "--benchmark_enable_random_interleaving=true",
            f"--benchmark_out={file.name}",
            "--benchmark_out_format=json",
        )
        return json.load(file)


def measure_memory(programs, results):
    """Peak memory of every step that was timed, each in a process of its own."""
    memory = {}
    print("memory ...", file=sys.stderr)
    for contest, entrant in results.times:
        program = "step_bench" if "/T:" in contest else "models_bench"
        if not contest.startswith(("plain/", "gradnorm/", "lenet/", "mlp")):
            continue
        memory[contest, entrant] = json.loads(start(programs / program, 1, f"--memory={contest}/{entrant}"))
    return memory


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def head(results, passes, repetitions, min_time, quick):
    context = results[1].context
    blas = pathlib.Path(context["libtorch_blas"]) if "libtorch_blas" in context else None
    others = [f"libtorch {context['libtorch']} (BLAS: {blas.parent.name}/{blas.name})"] if blas else []
    others += [f"oneDNN {context['oneDNN']}"] if "oneDNN" in context else []
    others += [context["OpenBLAS"]] if "OpenBLAS" in context else []
    waiting = " ".join(f"{name}={value}" for name, value in WAITING.items())
    spread = max(of_threads.spread() for of_threads in results.values())
    command = "bench/run.sh" + (" --quick" if quick else "")
    return f"""# Performance

Measured by `{command}` on {datetime.date.today()}: {processor()}, {os.cpu_count()} cores;
{'; '.join([context['compiler'], *others])}.

Each figure is the median of {passes * repetitions} repetitions of at least {min_time} s, from {passes} pass{'' if passes == 1 else 'es'} through all tables. The
entrants of a row take turns in random order, pinned to as many cores as they have threads, with
`{waiting}`. For half of the benchmarks the middle half of the repetitions spans at most
{100 * spread:.0f} % of their median. **Ratios travel between machines, absolute figures do not.** All entrants
start from the same numbers, and each program makes sure before it times them that their losses,
weights and parameters agree after a few steps.

*By hand* is the same step written out in Eigen for this one network (`bench/by_hand.cpp`), by the closed
form, on one thread. "ours / theirs" says how many times faster we are.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="where they were built")
    parser.add_argument("--quick", action="store_true", help="a look: writes no file unless --output is given")
    parser.add_argument("--output", type=pathlib.Path, help="instead of docs/performance.md")
    options = parser.parse_args()

    for program in PROGRAMS:
        start(options.programs / program, 1, "--check")
    print("All entrants compute the same.", file=sys.stderr)

    load = os.getloadavg()[0]
    if load > 1.5:  # our own check has just kept one core busy
        print(f"The machine is busy (load {load:.1f}): figures for two threads will mean nothing.", file=sys.stderr)

    plan, passes, repetitions, min_time = (QUICK, 1, 3, 0.02) if options.quick else (FULL, 3, 5, 0.04)
    plan = {threads: chosen for threads, chosen in plan.items() if threads <= len(os.sched_getaffinity(0))}
    results = measure(options.programs, plan, passes, repetitions, min_time)
    memory = measure_memory(options.programs, results[1])
    text = head(results, passes, repetitions, min_time, options.quick) + tables.all_of(results, memory)
    print(text)
    output = options.output or (None if options.quick else ROOT / "docs" / "performance.md")
    if output:
        output.write_text(text)


if __name__ == "__main__":
    main()
