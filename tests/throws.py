#!/usr/bin/env python3
"""Names every throw that no test reaches.

    tests/throws.py                    every folder but those skipped
    tests/throws.py --skip toy,nn      skips others
    tests/throws.py --only core        looks at these alone

Builds the preset `coverage`, runs the test programs, and asks gcov about every line that has
`fail<...>(` or `throw`: it counts as reached when all that gcov sees on it has run, in at least one
instance of a template. Prints the others as `file:line: text`; the exit status is 1 when there is
one that UNREACHABLE does not explain, or an explanation that explains nothing.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "coverage"
FOLDERS = ["core", "autograd", "nn", "balancers", "toy"]
PROGRAMS = ["taskgrad_tests", "op_tests", "allocation_test", "fault_injection_test"]
COMMAND_LINE = "toy_regression"  # tests of this program have its name
THROW = re.compile(r"\bfail<|\bthrow [^;]")

# (file, a part of the line, why no test can reach it)
UNREACHABLE = [
    ("toy/metrics_log.cpp", "--resume: {} could not be opened",
     "the file was written a moment before; only another program can have taken it away since"),
]


def run(command, **options):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def run_tests():
    """Builds and runs the programs, from counts of 0."""
    for counts in BUILD.rglob("*.gcda"):
        counts.unlink()
    run(["cmake", "--preset", "coverage"])
    run(["cmake", "--build", "--preset", "coverage", "--parallel", "2", "--target", *PROGRAMS, COMMAND_LINE])
    # Threads that wait asleep: there may be more of them than cores.
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
    for program in PROGRAMS:
        run([BUILD / "tests" / program], env=environment)
    run(["ctest", "--test-dir", BUILD, "--tests-regex", f"^{COMMAND_LINE}"], env=environment)


def throws(folders):
    """{file: {line number: text}} of all lines that throw; comments do not."""
    found = collections.defaultdict(dict)
    for path in sorted(p for folder in folders for p in (ROOT / folder).rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if THROW.search(line.split("//")[0]):
                found[str(path.relative_to(ROOT))][number] = line.strip()
    return found


def reached():
    """(file, line number) of all lines of which no part is left that did not run.

    A line `if (...) fail<...>(...)` runs as often as its condition: gcov's count of it says nothing,
    its blocks do.
    """
    lines = set()
    # Relative only: what lies below the prefix, so no header of the system.
    reports = run(["gcov", "--json-format", "--stdout", "--source-prefix", ROOT, "--relative-only",
                   *sorted(BUILD.rglob("*.gcno"))])
    for report in reports.splitlines():
        for file in json.loads(report)["files"]:
            name = os.path.relpath(ROOT / file["file"], ROOT)
            lines.update((name, line["line_number"]) for line in file["lines"]
                         if line["count"] > 0 and not line["unexecuted_block"])
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip", default="", help="folders to leave out")
    parser.add_argument("--only", default=",".join(FOLDERS), help="folders to look at")
    arguments = parser.parse_args()
    skipped = arguments.skip.split(",")
    folders = [folder for folder in arguments.only.split(",") if folder not in skipped]

    all_throws = throws(folders)
    run_tests()
    done = reached()
    missing, explained = [], set()
    for file, lines in all_throws.items():
        for number, text in lines.items():
            if (file, number) in done:
                continue
            reasons = {entry for entry in UNREACHABLE if entry[0] == file and entry[1] in text}
            explained |= reasons
            if not reasons:
                missing.append(f"{file}:{number}: {text}")
    print("\n".join(missing), end="\n" if missing else "")
    stale = [entry for entry in UNREACHABLE
             if entry not in explained and entry[0].split("/")[0] in folders]
    for file, text, _ in stale:
        print(f"{file}: '{text}' is explained as unreachable, and is reached or gone")
    total = sum(map(len, all_throws.values()))
    print(f"{total} throws: {len(missing)} reached by no test, {len(explained)} explained")
    return 1 if missing or stale else 0


if __name__ == "__main__":
    sys.exit(main())
