# SPDX-License-Identifier: Apache-2.0
"""SPEC: the deadline, Ctrl-C and `recap stop` count from the request on, also while a Capsule is being
attached, however long that takes."""

import json
import signal
import subprocess
import time

import pytest

from testlib import proc
from testlib.waiting import Stopwatch, until

SLOW_SECONDS = 3
FUNCTION = ("sh", "-c", "trap '' INT TERM; echo ran; sleep 2")


class Slow:
    """`recap run` whose Capsule takes seconds to be attached: a system call of its stub is held up."""

    def __init__(self, recap, words):
        delay = f"inject=pivot_root:delay_enter={SLOW_SECONDS * 1_000_000}"
        strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=pivot_root", "-e", delay]
        self.child = subprocess.Popen([*strace, str(recap.program), *map(str, words)], env=recap.env,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)  # fmt: skip
        until(recap.runs_on_disk)
        (self.recap,) = [each.pid for each in proc.children(self.child.pid) if each.comm == "recap"]

    def end(self):
        out, err = self.child.communicate(timeout=40)
        return self.child.returncode, out, err


@pytest.fixture
def slow(recap, toolbox, target, tmp_path):
    def start(*flags, argv=FUNCTION):
        flags = ["--grace", "0s", *flags]
        if "-d" not in flags:
            flags += ["--report", tmp_path / "report"]
        return Slow(recap, recap.run_words(toolbox, target, *argv, flags=flags))

    return start


def report(tmp_path):
    return json.loads((tmp_path / "report").read_text())


def test_the_deadline_counts_from_the_request(recap, slow, tmp_path):
    with Stopwatch() as watch:
        code, out, err = slow("--timeout", "1500ms").end()
    assert (code, out) == (124, b"") and b"deadline" in err, (code, out, err)
    assert watch.seconds < SLOW_SECONDS + 2
    found = report(tmp_path)
    assert found["exit"]["reason"] == "DeadlineExceeded" and found["residue"]["verified"], found
    assert recap.runs_on_disk() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_attaching(recap, slow, tmp_path, number):
    run = slow()
    time.sleep(SLOW_SECONDS / 2)
    subprocess.run(["kill", f"-{number}", str(run.recap)], check=True)
    with Stopwatch() as watch:
        code, out, err = run.end()
    assert (code, out) == (128 + number, b""), (code, out, err)
    assert watch.seconds < SLOW_SECONDS
    assert report(tmp_path)["exit"]["reason"] == "Stopped" and recap.runs_on_disk() == []


def test_stop_ends_the_attaching(recap, slow):
    run = slow("-d")
    time.sleep(SLOW_SECONDS / 2)
    (name,) = recap.runs_on_disk()
    done = recap("stop", name)
    code, out, err = run.end()
    assert done.returncode == 0 and (code, out) == (128 + signal.SIGTERM, b""), (done, code, out, err)


def test_who_attaches_meanwhile_hears_when_the_function_runs(recap, slow):
    run = slow("-d", argv=("sh", "-c", "echo hello; exit 9"))
    time.sleep(SLOW_SECONDS / 2)
    (name,) = recap.runs_on_disk()
    done = recap("attach", name)
    code, out, _ = run.end()
    assert (code, out) == (0, f"{name}\n".encode())
    assert (done.returncode, done.stdout) == (9, b"hello\n"), done
