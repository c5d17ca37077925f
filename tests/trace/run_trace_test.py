# SPDX-License-Identifier: Apache-2.0
"""SPEC: after Escape nothing that the run made is left. A full snapshot is equal before and after."""

import re
import signal
import subprocess
import time

import pytest

from testlib import proc, snapshot
from testlib.fixtures import rounds
from testlib.waiting import until

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


SCRIBBLER = ("sh", "-c", "python3 /lab/scribble.py; sleep 8205")


def by_deadline(recap, toolbox, target):
    assert recap.run(toolbox, target, *SCRIBBLER, flags=["--timeout", "700ms", "--grace", "100ms"]).returncode == 124


def by_stop(recap, toolbox, target):
    run = recap.start(toolbox, target, *SCRIBBLER)
    until(lambda: proc.running("sleep", "8205"))
    assert recap("stop", "--grace", "200ms", run).returncode == 0


def by_signal_to_the_caller(number):
    def end(recap, toolbox, target):
        caller = recap.popen(*recap.run_words(toolbox, target, *SCRIBBLER, flags=["--grace", "200ms"]))
        until(lambda: proc.running("sleep", "8205"))
        caller.send_signal(number)
        caller.communicate(timeout=20)
        assert caller.returncode == (-number if number == signal.SIGKILL else 128 + number)
        assert not recap.wait_until_idle()

    return end


ENDS = {"the deadline": by_deadline, "stop": by_stop, "a killed caller": by_signal_to_the_caller(signal.SIGKILL),
        "an interrupted caller": by_signal_to_the_caller(signal.SIGINT)}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_it_is_equal_after_the_caller_the_deadline_or_stop_ended_it(recap, toolbox, target, end):
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state)
    ENDS[end](recap, toolbox, target)
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


SIGNAL_CALLS = ("kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
NUMBER = re.compile(r" (?:t?kill|rt_sigqueueinfo)\((-?\d+), (\w+)| (?:tgkill|rt_tgsigqueueinfo)\(\d+, (\d+), (\w+)")
PIDFD = re.compile(r" pidfd_send_signal\(\d+<(?:pid:)?([^>]+)>, (\w+)")  # of one that ended: anon_inode:[pidfd]


@pytest.mark.parametrize("end", ["the function's", "the deadline's"])
def test_no_process_of_the_target_gets_a_signal(recap, toolbox, target, tmp_path, end):
    """Not even one that it ignores: every call that sends one, of every process of ours, and whom it names."""
    of_target = {str(each.pid) for each in proc.in_namespace("pid", proc.namespace(target.pid, "pid"))}
    stubborn = ["sh", "-c", "trap '' TERM; while true; do sleep 8206; done"]
    argv = ["true"] if end == "the function's" else stubborn
    words = recap.run_words(toolbox, target, *argv, flags=["--timeout", "1s", "--grace", "100ms"])
    log = tmp_path / "log"
    subprocess.run(["strace", "-f", "--decode-fds=pidfd", "-o", log, "-e", "trace=" + ",".join(SIGNAL_CALLS),
                    recap.program, *map(str, words)], env=recap.env, timeout=60)  # fmt: skip
    assert not recap.wait_until_idle()
    calls = [line for line in log.read_text().splitlines() if any(f" {name}(" in line for name in SIGNAL_CALLS)]
    assert calls, "not even one that looks whether somebody is there"
    for line in calls:
        found = PIDFD.search(line) or NUMBER.search(line)
        assert found, line
        whom, number = (group for group in found.groups() if group is not None)
        assert found.re is PIDFD or int(whom) > 0, f"to many at once: {line}"
        assert whom not in of_target or number == "0", line
    assert end == "the function's" or any("SIGTERM" in line for line in calls), calls
