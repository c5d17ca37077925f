# SPDX-License-Identifier: Apache-2.0
"""SPEC: after Escape nothing that the run made is left. A full snapshot is equal before and after."""

import subprocess
import time

import pytest

from testlib import snapshot
from testlib.fixtures import rounds

@pytest.fixture
def chatter(target):
    """Somebody who sends packets in the target's network namespace all the time."""
    script = ("import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nprint(flush=True)\n"
              "while True:\n  s.sendto(b'x', ('127.0.0.1', 17011))\n  time.sleep(0.02)")  # fmt: skip
    child = subprocess.Popen(["nsenter", "-t", str(target.pid), "-n", "python3", "-c", script], stdout=subprocess.PIPE)
    child.stdout.readline()
    yield
    child.kill()
    child.communicate()


# name: (what runs, flags, exit code, what its output has)
WORKLOADS = {
    "true": (["true"], [], 0, b""),
    "tcpdump": (["tcpdump", "-n", "-i", "lo", "-c", "1"], ["--cap", "NET_RAW"], 0, b"17011"),
    "strace": (["strace", "-p", "1", "-c", "-f"], ["--cap", "SYS_PTRACE", "--timeout", "1s"], 124, b""),
    "scribbler": (["python3", "/lab/scribble.py"], ["--memory", "512Mi"], 0, b"scribbled"),
}
ROUNDS = {"strace": (5, 100)}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_snapshot_is_equal_before_and_after(recap, toolbox, target, chatter, name):
    argv, flags, code, word = WORKLOADS[name]
    recap.run(toolbox, target, *argv, flags=flags)  # warm: image, parent cgroup, page cache
    time.sleep(0.2)
    before = snapshot.take(target.pid, recap.state)
    for number in range(rounds(*ROUNDS.get(name, (10, 100)))):
        done = recap.run(toolbox, target, *argv, flags=flags)
        assert done.returncode == code and word in done.stdout, f"run {number}: {done}"
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


@pytest.mark.parametrize("view", ["target", "merged"])
def test_it_is_equal_with_a_view_of_the_targets_files(recap, toolbox, target, view):
    argv = ["sh", "-c", "find / -xdev > /dev/null 2>&1; cat /target/data/deep/file /data/deep/file; true"]
    recap.run(toolbox, target, *argv, flags=["--view", view])
    before = snapshot.take(target.pid, recap.state)
    for _ in range(rounds(5, 100)):
        done = recap.run(toolbox, target, *argv, flags=["--view", view])
        assert b"a file of the target" in done.stdout, done
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_a_hundred_daemons_leave_no_process_and_no_zombie(recap, toolbox, target):
    """Under a first process that never reaps."""
    before = snapshot.take(target.pid, recap.state, ["target.processes", "target.descriptors"])
    daemon = "(setsid sh -c 'trap \"\" TERM HUP INT; sleep 8203' > /dev/null 2>&1 &)"
    script = f"trap '' TERM HUP INT; i=0; while [ $i -lt 100 ]; do {daemon}; i=$((i+1)); done; echo started"
    done = recap.run(toolbox, target, "sh", "-c", script, flags=["--pids", "400", "--grace", "1s"])
    assert (done.returncode, done.stdout) == (0, b"started\n"), done
    # Equal at once: Escape was verified before the caller got the exit code.
    changes = snapshot.changes_since(before, settle=0)
    assert not changes, snapshot.explain(changes)


def test_it_is_equal_after_the_caller_the_deadline_or_stop_ended_it(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state)
    assert recap.run(toolbox, target, "sleep", "8204", flags=["--timeout", "300ms"]).returncode == 124
    run = recap.start(toolbox, target, "sh", "-c", "python3 /lab/scribble.py; sleep 8205")
    time.sleep(0.5)
    assert recap("stop", "--grace", "200ms", run).returncode == 0
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
