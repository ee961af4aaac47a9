#!/usr/bin/env python3
"""Searches what the GradNorm paper leaves unsaid about its toy experiment.

Each choice below changes the defaults of toy_regression in one place or two. For each choice, number
of tasks and seed, the three methods of figure 2 are trained on the same data from the same start; the
metrics of all evaluations are kept, so shorter lengths come with the longest one. Finished runs are
kept in the folder of results and not repeated.

    toy/search.py run  PROGRAM RESULTS [--jobs N] [--only CHOICE ...] [--seeds N] [--tasks T ...]
    toy/search.py table RESULTS > table.md
"""
import argparse
import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import sys

STEPS = 25_000
LENGTHS = (4_000, 10_000, 25_000)
METHODS = ("equal", "uncertainty", "gradnorm")

# Scales that no default was chosen on: ten picked by hand before any run, and ten evenly spaced on a
# log axis.
HELD_OUT_10 = "64,9,21,88,35,5,110,47,72,16"
LOG_SPACED_10 = "1,1.7,2.8,4.6,7.7,12.9,21.5,35.9,59.9,100"

CHOICES = {  # name: (options, seeds, numbers of tasks)
    "default": ([], 5, (2, 10)),
    "loss mean": (["--loss", "mean"], 5, (2, 10)),
    "linear weights": (["--weight-form", "linear"], 2, (2, 10)),
    "inputs normal": (["--inputs", "normal"], 2, (2, 10)),
    "inputs unit": (["--inputs", "unit"], 2, (2, 10)),
    "fixed data": (["--data", "fixed"], 2, (2, 10)),
    "variance": (["--spread", "variance"], 2, (2, 10)),
    "lr 1e-3": (["--lr", "1e-3"], 2, (2, 10)),
    "lr 1e-2": (["--lr", "1e-2"], 2, (2,)),
    "weight lr 5e-3": (["--weight-lr", "5e-3"], 2, (2,)),
    "weight lr 0.1": (["--weight-lr", "0.1"], 2, (2,)),
    "batch 32": (["--batch-size", "32"], 2, (2, 10)),
    "sgd 1e-3": (["--optimizer", "sgd", "--lr", "1e-3", "--momentum", "0.9"], 2, (2, 10)),
    "sgd 1e-4": (["--optimizer", "sgd", "--lr", "1e-4", "--momentum", "0.9"], 2, (2, 10)),
    "sgd 1e-5": (["--optimizer", "sgd", "--lr", "1e-5", "--momentum", "0.9"], 2, (2, 10)),
    "held-out sigmas": (["--sigmas", HELD_OUT_10], 2, (10,)),
    "sigmas log-spaced": (["--sigmas", LOG_SPACED_10], 2, (10,)),
    "sigmas 3,60": (["--sigmas", "3,60"], 2, (2,)),
}


def folder_of(results, choice, tasks, seed):
    return results / choice.replace(" ", "_") / f"tasks_{tasks}_seed_{seed}"


def run_one(program, results, choice, tasks, seed):
    folder = folder_of(results, choice, tasks, seed)
    if (folder / "runs.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
    folder.mkdir(parents=True)
    command = [program, "train", "--tasks", str(tasks), "--seed", str(seed), "--steps", str(STEPS),
               "--eval-every", "500", "--threads", "1", "--json", "--quiet", "--out", str(folder)]
    for method in METHODS:
        command += ["--balancer", method]
    done = subprocess.run(command + CHOICES[choice][0], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: a run diverged, which is a result
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    (folder / "runs.json").write_text(done.stdout)
    print(f"done: {choice}, {tasks} tasks, seed {seed}", flush=True)


def run(arguments):
    jobs = []
    for choice, (_, seeds, panels) in CHOICES.items():
        if arguments.only and choice not in arguments.only:
            continue
        for seed in range(1, (arguments.seeds or seeds) + 1):
            jobs += [(choice, tasks, seed) for tasks in panels
                     if not arguments.tasks or tasks in arguments.tasks]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for job in [pool.submit(run_one, arguments.program, arguments.results, *j) for j in jobs]:
            job.result()


def metrics_at(folder, length):
    """Metric of each method at a length; infinity for a run that broke off before it."""
    found = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["step"] == length and row["metric"] is not None:
            found[row["balancer"]] = row["metric"]
    return {method: found.get(method, float("inf")) for method in METHODS}


def cell(values):
    if any(value == float("inf") for value in values):
        return "diverges"
    mean = f"{sum(values) / len(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f}-{max(values):.3f})"


def table(arguments):
    print("| choice | tasks | steps | seeds | equal | uncertainty | GradNorm "
          "| below equal | below uncertainty |")
    print("|---|---|---|---|---|---|---|---|---|")
    # A choice that was not run to its end yet has fewer seeds, or no row.
    for choice, (_, _, panels) in CHOICES.items():
        for tasks in panels:
            folders = sorted((arguments.results / choice.replace(" ", "_")).glob(
                f"tasks_{tasks}_seed_*/runs.json"))
            for length in LENGTHS if folders else ():
                rows = [metrics_at(path.parent, length) for path in folders]
                wins = {m: sum(r["gradnorm"] < r[m] < float("inf") for r in rows) for m in METHODS}
                cells = " | ".join(cell([r[m] for r in rows]) for m in METHODS)
                print(f"| {choice} | {tasks} | {length} | {len(rows)} | {cells} "
                      f"| {wins['equal']} of {len(rows)} | {wins['uncertainty']} of {len(rows)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("run")
    runner.add_argument("program")
    runner.add_argument("results", type=pathlib.Path)
    runner.add_argument("--jobs", type=int, default=2)
    runner.add_argument("--only", nargs="*", choices=list(CHOICES), default=[])
    runner.add_argument("--seeds", type=int)
    runner.add_argument("--tasks", type=int, nargs="*")
    runner.set_defaults(action=run)
    printer = commands.add_parser("table")
    printer.add_argument("results", type=pathlib.Path)
    printer.set_defaults(action=table)
    arguments = parser.parse_args()
    arguments.action(arguments)


if __name__ == "__main__":
    main()
