#!/usr/bin/env python3
"""Counts the instructions of a GradNorm step, and fails when they are not what they were.

Noise cannot move a count of instructions: valgrind's callgrind gives the same number whatever else the
machine does. A change that moves one by more than 5 % says why in its commit and writes the new number
below. The numbers are those of g++ 12 and -march=x86-64-v3, and of the code for AVX2, the best that valgrind
runs.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = 0.05

EXPECTED = {"second_order": 552_543, "closed_form": 360_510}  # of one step
FEW, MANY = 5, 25  # steps of two trainings, whose difference has no start-up in it


def instructions(program, path, steps):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, path, str(steps)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1))


def main():
    build = ROOT / "build" / "release"
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", build, "--target", "instruction_cost"]):
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    program = build / "tests" / "instruction_cost"
    moved = False
    for path, expected in EXPECTED.items():
        count = (instructions(program, path, MANY) - instructions(program, path, FEW)) / (MANY - FEW)
        change = count / expected - 1
        print(f"{path}: {count:,.0f} instructions a step, {change:+.1%} against {expected:,}")
        moved = moved or abs(change) > ALLOWED
    sys.exit(moved)


if __name__ == "__main__":
    main()
