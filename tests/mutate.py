#!/usr/bin/env python3
"""Mutation test of the derivative rules: changes one place of a rule, a kernel or the engine at a time,
builds the tests of the op table with it and expects them to fail.

    tests/mutate.py                   every mutant; some tens of minutes on two cores
    tests/mutate.py --sample 40       a fixed sample, the same every time, for a first look
    tests/mutate.py --only window     files whose path has this text
    tests/mutate.py --list            what would be tried

Prints every survivor, and at the end the score. A survivor that stands in tests/mutants.txt with the
reason why no test can see it is explained; the exit status is 1 when the share of the killed and the
explained is below 95 %.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "mutation"
FILES = ["autograd/derivatives.cpp", "autograd/grad.cpp", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("autograd/ops/*.cpp")),
         *(f"core/kernels/{name}.cpp" for name in
           ("binary", "convolution", "copy", "gemm", "index", "matmul", "reduce", "unary", "window"))]
# Headers with code of their own, and the sources that compile it.
HEADERS = {"core/kernels/elementary.h": ["core/kernels/unary.cpp"],
           "core/kernels/frame.h": ["core/kernels/window.cpp", "core/kernels/convolution.cpp"],
           "core/kernels/share_work.h": ["core/kernels/matmul.cpp", "core/kernels/convolution.cpp"],
           "core/kernels/gemm_tile.h": ["core/kernels/gemm_plain.cpp", "core/kernels/gemm_avx2.cpp"]}

# (what it does, what it looks for, what it puts there)
MUTATIONS = [
    ("flip a sign", r" \+ ", " - "),
    ("flip a sign", r"(?<![=(,]) - ", " + "),
    ("flip a sign", r"(?<=[=(] )-(?=[a-z(])|(?<=[=(])-(?=[a-z(])|(?<=return )-(?=[a-z(])", ""),
    ("swap a product and a quotient", r" \* ", " / "),
    ("swap a product and a quotient", r" / ", " * "),
    ("drop a factor", r" \* -?\d+\.\d+", ""),
    ("drop a factor", r" \* \(?1 - [a-z.]+\)?", ""),
    ("change a number", r"\b(\d+\.\d+)\b", r"(\1 + 0.5)"),
    ("swap inputs", r"\binput\(0\)", "input(1)"),
    ("swap inputs", r"\binput\(1\)", "input(0)"),
    ("swap cotangents", r"\bout\[0\]", "out[1]"),
    ("swap cotangents", r"\bout\[1\]", "out[0]"),
    ("swap shapes", r"\binput_shape\(0\)", "input_shape(1)"),
    ("off by one axis", r"\b(a|attrs)\.axis\b(?! [<=])", r"(\1.axis == 0 ? 1 : 0)"),
    ("off by one", r"\b(start|before|first|row|column)\b(?= *[,+;)])", r"(\1 + 1)"),
    ("skip an accumulation", r" \+= ", " = "),
    ("skip an accumulation", r"\btotal \+ contribution\b", "contribution"),
    ("skip a transpose", r"\btranspose\(([^()]*\([^()]*\)[^()]*|[^()]*)\)", r"(\1)"),
    ("swap a comparison", r" > ", " < "),
    ("swap a comparison", r"(?<!operator) < ", " > "),
    ("swap an equality", r" == ", " != "),
    ("flip a choice", r"\btrue\b", "false"),
    ("flip a choice", r"\bfalse\b", "true"),
    ("drop a statement", r"^(\s+)(if \(c\.needs\(\d\)\) )?out\[\w\] = [^;]*;", r"\1;"),
    ("swap functions", r"\bsin\(", "cos("),
    ("swap functions", r"\bcos\(", "sin("),
]

# Places that no mutant is made of: samples, texts, checks and what only makes things fast.
SKIPPED_BLOCKS = re.compile(
    r"static Samples samples\(\)|^Samples \w+\(|random_\w+\(|^Tensor zero_or_not|static constexpr OpInfo")
SKIPPED_LINES = re.compile(
    r"^\s*(//|#|\"|using |static_assert|template|struct |class |const Registered|constexpr |namespace )"
    r"|fail<|parallel_blocks|std::int64_t cost(?: =|\(\))|product_cost\(|__builtin_prefetch|RC_|static_cast<void>|TASKGRAD_ASSERT|Observers|requires |for \(.*\{$")


def code_lines(text):
    """Numbers and texts of the lines that may be mutated."""
    lines = text.split("\n")
    skip_until = None
    depth = 0
    for number, line in enumerate(lines):
        if skip_until is None and SKIPPED_BLOCKS.search(line):
            skip_until = depth
            opened = False
        depth += line.count("{") - line.count("}")
        if skip_until is not None:
            opened = opened or "{" in line
            if depth <= skip_until and (opened or line.rstrip().endswith(";")):
                skip_until = None
            continue
        if not SKIPPED_LINES.search(line) and '"' not in line:
            yield number, line


def mutants():
    found = []
    for path in [*FILES, *HEADERS]:
        text = (ROOT / path).read_text()
        for number, line in code_lines(text):
            code = line.split("  // ")[0]
            seen = set()
            for name, pattern, replacement in MUTATIONS:
                for match in re.finditer(pattern, code):
                    changed = code[:match.start()] + match.expand(replacement) + code[match.end():]
                    if changed.strip() not in seen and changed != code:
                        seen.add(changed.strip())
                        found.append((path, number, name, line, changed))
    return found


def explained():
    """(file, old line, new line) of tests/mutants.txt."""
    known = set()
    path = ROOT / "tests" / "mutants.txt"
    entry = []
    for line in path.read_text().split("\n") if path.exists() else []:
        if line.startswith(("@ ", "- ", "+ ")):
            entry.append(line[2:].strip())
        if len(entry) == 3:
            known.add(tuple(entry))
            entry = []
    return known


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def build():
    configure = ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                 "-DCMAKE_CXX_FLAGS_DEBUG=-O1", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                 "-DTASKGRAD_BUILD_TOY=OFF"]
    for command in (configure, ["cmake", "--build", BUILD, "--target", "op_tests"]):
        done = run(command)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
    compile_commands = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        compile_commands.setdefault(entry["file"], entry["command"])
    steps = run(["ninja", "-C", BUILD, "-t", "commands", "op_tests"]).stdout.strip().split("\n")[-1]
    link = next(step for step in steps.split("&&") if " -o tests/op_tests " in step)
    return compile_commands, link.replace(".dir/./", ".dir/")


TESTS = ["--test-case-exclude=*million*"]  # what only takes long


class Runner:
    def __init__(self):
        self.compile_commands, self.link = build()
        done = run([BUILD / "tests" / "op_tests", *TESTS])
        if done.returncode != 0:
            sys.exit("the tests fail without a mutant:\n" + done.stdout)

    def outcome(self, mutant):
        path, number, _, _, changed = mutant
        lines = (ROOT / path).read_text().split("\n")
        lines[number] = changed
        with tempfile.TemporaryDirectory() as folder:
            changed_file = pathlib.Path(folder) / "taskgrad" / path
            changed_file.parent.mkdir(parents=True)
            changed_file.write_text("\n".join(lines))
            link = self.link.replace("-o tests/op_tests", f"-o {folder}/op_tests")
            for source in HEADERS.get(path, [path]):
                unit = ROOT / source
                command = shlex.split(self.compile_commands[str(unit)])
                target = command[command.index("-o") + 1]
                changed_object = f"{folder}/{unit.stem}.o"
                command[command.index("-o") + 1] = changed_object
                if path in HEADERS:
                    command.insert(1, f"-I{folder}")
                else:
                    command = [str(changed_file) if word == str(unit) else word for word in command]
                if run(command, cwd=BUILD).returncode != 0:
                    return "does not compile"
                assert target in link, f"{target} is not linked"
                link = link.replace(target, changed_object)
            if run(link, cwd=BUILD, shell=True).returncode != 0:
                return "does not link"
            try:
                tests = run([f"{folder}/op_tests", "--abort-after=1", *TESTS], timeout=300,
                            env={**os.environ, "OMP_WAIT_POLICY": "passive"})
            except subprocess.TimeoutExpired:
                return "killed"
            return "survived" if tests.returncode == 0 else "killed"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--sample", type=int, help="try this many, chosen once and for all")
    options.add_argument("--only", default="", help="files whose path has this text")
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--list", action="store_true", help="print the mutants and stop")
    arguments = options.parse_args()

    chosen = [mutant for mutant in mutants() if arguments.only in mutant[0]]
    if arguments.sample is not None:
        chosen = random.Random(1711).sample(chosen, min(arguments.sample, len(chosen)))
    if arguments.list:
        for path, number, name, old, new in chosen:
            print(f"@ {path}:{number + 1} {name}\n- {old.strip()}\n+ {new.strip()}")
        print(f"{len(chosen)} mutants")
        return 0

    known = explained()
    runner = Runner()
    counts = {"killed": 0, "survived": 0, "explained": 0, "invalid": 0}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, outcome in zip(chosen, pool.map(runner.outcome, chosen)):
            path, number, name, old, new = mutant
            if outcome == "survived" and (path, old.strip(), new.strip()) in known:
                outcome = "explained"
            counts[outcome if outcome in counts else "invalid"] += 1
            if outcome == "survived":
                print(f"survived: {name}\n@ {path}\n- {old.strip()}\n+ {new.strip()}", flush=True)
    valid = counts["killed"] + counts["survived"] + counts["explained"]
    killed = 100 * counts["killed"] / max(valid, 1)
    print(f"{len(chosen)} mutants: {counts['invalid']} do not compile; of {valid}, {counts['killed']} "
          f"killed ({killed:.1f} %), {counts['explained']} explained in tests/mutants.txt, "
          f"{counts['survived']} survived")
    return 1 if killed + 100 * counts["explained"] / max(valid, 1) < 95 else 0


if __name__ == "__main__":
    sys.exit(main())
