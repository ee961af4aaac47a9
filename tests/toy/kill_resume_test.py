#!/usr/bin/env python3
"""A study that is stopped at random moments and resumed equals the one that was not, bit for bit.

    tests/toy/kill_resume_test.py PROGRAM    PROGRAM may have words before it that start it
"""

import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

SMALL = ["--tasks", "2", "--steps", "120", "--seeds", "2", "--batch-size", "20"]
FIGURE2 = ["figure2"] + SMALL + ["--balancer", "equal", "--balancer", "gradnorm"]
STATIC = ["static"] + SMALL  # its second runs follow from the results of the first
QUIET = ["--json", "--quiet", "--threads", "2", "--checkpoint-every", "2"]


def start(program, words, **options):
    return subprocess.Popen(program + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, start_new_session=True, **options)


def finish(process):
    output, errors = process.communicate()
    return process.returncode, output, errors


def run(program, words):
    status, output, errors = finish(start(program, words))
    assert status == 0, f"{words}: status {status}: {errors}"
    return output


def outcome(output, folder):
    """What must be equal: the results without their times, and all metrics."""
    results = json.loads(output)
    for one in results["runs"]:
        del one["seconds"]
    return results, sorted((folder / "metrics.jsonl").read_text().splitlines())


def no_larger_files(size):
    """As on a disk that is full: the program is told, not ended."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Stopped:
    """A study that is stopped again and again."""

    def __init__(self, program, words, folder, longest, moments):
        self.program, self.words, self.folder = program, words, folder
        self.longest, self.moments = longest, moments

    def stop(self, how):
        """Begins or resumes it and stops it while it runs; False if it came to its end before."""
        file = self.folder / "study.toml"
        where = ["--resume"] if file.exists() else self.words + ["--out"]
        process = start(self.program, where + [str(self.folder)] + QUIET)
        while not file.exists() and process.poll() is None:
            time.sleep(0.001)
        time.sleep(self.moments.uniform(0, self.longest))
        if process.poll() is None:
            os.killpg(process.pid, how)
        status, _, errors = finish(process)
        assert status in (0, 130, -how), f"status {status}: {errors}"
        return status != 0


def check_stops(program, words, folder, kills, interrupts):
    """The study is stopped that often; when it comes to its end before, a new one is begun."""
    begin = time.monotonic()
    whole = run(program, words + ["--out", str(folder / "whole")] + QUIET)
    longest = 2.5 * (time.monotonic() - begin) / (kills + interrupts)
    expected = outcome(whole, folder / "whole")
    assert run(program, ["--resume", str(folder / "whole")] + QUIET) == whole

    moments = random.Random(5)
    left = [signal.SIGKILL] * kills + [signal.SIGINT] * interrupts
    moments.shuffle(left)
    studies = 0
    while left:
        studies += 1
        study = Stopped(program, words, folder / f"stopped{studies}", longest, moments)
        while left and study.stop(left[-1]):
            left.pop()
        output = run(program, ["--resume", str(study.folder)] + QUIET)
        assert outcome(output, study.folder) == expected, f"study {studies} is another"
        assert not list(study.folder.glob("**/*.tmp")), "a file aside was left"
    print(f"{words[0]}: {kills} kills and {interrupts} interrupts of {studies} studies: all equal")
    return expected


def check_full_disk(program, words, folder, whole, expected):
    """A disk that fills up stops the study with a text; with room again it goes on."""
    size = min(path.stat().st_size for path in (whole / "runs").iterdir())
    status, _, errors = finish(start(program, words + ["--out", str(folder)] + QUIET,
                                     restore_signals=False,
                                     preexec_fn=lambda: no_larger_files(size - 1)))
    assert status == 1 and "could not be written: File too large" in errors, (status, errors)
    assert any((folder / "runs").iterdir()), "no checkpoint from when there was room"
    assert not list(folder.glob("**/*.tmp")), "a file aside was left"
    assert outcome(run(program, ["--resume", str(folder)] + QUIET), folder) == expected


def main():
    program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        figure2, static = pathlib.Path(temporary) / "figure2", pathlib.Path(temporary) / "static"
        expected = check_stops(program, FIGURE2, figure2, kills=10, interrupts=2)
        check_full_disk(program, FIGURE2, figure2 / "full", figure2 / "whole", expected)
        check_stops(program, STATIC, static, kills=4, interrupts=1)


if __name__ == "__main__":
    main()
