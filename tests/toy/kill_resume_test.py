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

KILLS = 10
INTERRUPTS = 2
STUDY = ["figure2", "--tasks", "2", "--steps", "120", "--seeds", "2", "--batch-size", "20",
         "--balancer", "equal", "--balancer", "gradnorm"]
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

    def __init__(self, program, folder, seconds):
        self.program, self.folder, self.seconds = program, folder, seconds
        self.moments = random.Random(5)

    def stop(self, how):
        """Starts or resumes it and stops it while it runs; False if it came to its end before."""
        begun = (self.folder / "study.toml").exists()
        where = ["--resume", str(self.folder)] if begun else STUDY + ["--out", str(self.folder)]
        process = start(self.program, where + QUIET)
        while not (self.folder / "study.toml").exists() and process.poll() is None:
            time.sleep(0.001)
        time.sleep(self.moments.uniform(0, 2.5 * self.seconds / (KILLS + INTERRUPTS)))
        stopped = process.poll() is None
        os.killpg(process.pid, how) if stopped else None
        status, _, errors = finish(process)
        assert status in (0, 130, -how), f"status {status}: {errors}"
        return stopped and status != 0


def check_full_disk(program, folder, expected):
    """A disk that fills up stops the study with a text; with room again it goes on."""
    size = min(path.stat().st_size for path in (folder / "whole" / "runs").iterdir())
    full = folder / "full"
    status, _, errors = finish(start(program, STUDY + ["--out", str(full)] + QUIET,
                                     restore_signals=False,
                                     preexec_fn=lambda: no_larger_files(size - 1)))
    assert status == 1 and "could not be written: File too large" in errors, (status, errors)
    assert any((full / "runs").iterdir()), "no checkpoint from when there was room"
    assert not list(full.glob("**/*.tmp")), "a file aside was left"
    assert outcome(run(program, ["--resume", str(full)] + QUIET), full) == expected


def main():
    program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        begin = time.monotonic()
        whole = run(program, STUDY + ["--out", str(folder / "whole")] + QUIET)
        seconds = time.monotonic() - begin
        expected = outcome(whole, folder / "whole")
        assert run(program, ["--resume", str(folder / "whole")] + QUIET) == whole

        studies = 0
        left = [signal.SIGKILL] * KILLS + [signal.SIGINT] * INTERRUPTS
        while left:
            studies += 1
            study = Stopped(program, folder / f"stopped{studies}", seconds)
            study.moments.seed(studies)
            stops = 0
            while left and stops < KILLS + INTERRUPTS:
                if not study.stop(left[-1]):
                    break
                left.pop()
                stops += 1
            output = run(program, ["--resume", str(study.folder)] + QUIET)
            assert outcome(output, study.folder) == expected, f"study {studies} is another"
            assert not list(study.folder.glob("**/*.tmp")), "a file aside was left"
        check_full_disk(program, folder, expected)
    print(f"{KILLS} kills and {INTERRUPTS} interrupts of {studies} studies: all equal")


if __name__ == "__main__":
    main()
