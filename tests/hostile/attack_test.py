# SPDX-License-Identifier: Apache-2.0
"""SPEC: the target's root, with Docker's default capabilities and free to take any uid, cannot trace a
function, a stub or a keeper, nor read their descriptors, memory or environment."""

import hashlib
import re
import signal
import subprocess
import time

import pytest

from testlib import lab
from testlib.fixtures import rounds
from testlib.waiting import until

PROFILES = {
    "restricted": [],
    "net": ["--cap", "NET_RAW"],
    "trace": ["--cap", "SYS_PTRACE"],
    "files": ["--cap", "DAC_READ_SEARCH", "--view", "target"],
    "path": ["--path", "/data"],
    "merged": ["--view", "merged"],
}


class Attacker:
    """/probe at work inside the target, through the runtime's own exec."""

    def __init__(self, target):
        argv = [*target._exec_argv, "/probe"]
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "ready\n"

    def end(self):
        """(what worked, how many processes it saw)"""
        out, _ = self.child.communicate("", timeout=60)
        *worked, last = out.splitlines()
        seen = re.fullmatch(r"scans (\d+), processes (\d+), attempts (\d+)", last)
        assert seen, out
        return worked, int(seen[2])


@pytest.fixture
def attacker(target):
    attacker = Attacker(target)
    yield attacker
    attacker.child.kill()
    attacker.child.communicate()


def test_the_attacker_is_able(target, attacker):
    """Against an ordinary process of the target each of its means works."""
    other = subprocess.Popen([*target._exec_argv, "/pause"], stdin=subprocess.DEVNULL)
    time.sleep(0.5)
    worked, _ = attacker.end()
    other.kill()
    other.wait()
    for means in ("environ", "mem", "fd/0", "exe", "root", "ptrace", "process_vm_readv", "pidfd_getfd"):
        assert any(line.endswith(f" 0 {means}") for line in worked), (means, worked[:20])


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_of_ours_is_open_to_the_targets_root(recap, toolbox, target, attacker, profile):
    program = hashlib.sha256(recap.program.read_bytes()).digest()
    attaches = rounds(100, 1000) // 4 if profile != "restricted" else rounds(100, 1000)
    # Half of them stay for a while, so that the attacker meets the function, not only its start.
    for number in range(attaches):
        argv = ["sleep", "0.02"] if number % 2 else ["true"]
        done = recap.run(toolbox, target, *argv, flags=PROFILES[profile])
        assert done.returncode == 0, done
    worked, seen = attacker.end()
    # Two stubs and a function each; not all are met, but a fair part must have been.
    assert seen >= attaches // 2, f"only {seen} processes of {attaches} attaches were seen"
    assert not worked, f"{len(worked)} attacks worked:\n" + "\n".join(worked[:30])
    assert hashlib.sha256(recap.program.read_bytes()).digest() == program


def test_a_shell_that_stays_is_not_open_either(recap, toolbox, target, attacker):
    run = recap.start(toolbox, target, "sh", "-c", "echo ready; export SECRET=1; while :; do sleep 0.05; done")
    until(lambda: b"ready" in recap("logs", run).stdout)
    time.sleep(1)
    worked, seen = attacker.end()
    assert seen >= 3 and not worked, worked[:30]


def signal_all_in(target, number):
    """From the target's pid namespace, as its root could: a process of the host joins it for this."""
    script = f"mount -t proc proc /proc && exec python3 {lab.INSIDE}/signal_all.py {int(number)}"
    subprocess.run(["nsenter", "-t", str(target.pid), "-p", "unshare", "-m", "sh", "-c", script], check=True)


def test_a_target_that_shoots_at_everything_does_not_leave_residue(recap, toolbox, target, tmp_path):
    """CAP_KILL reaches across uids in a shared pid namespace: a run may be ended so, but not orphaned."""
    before = {path.name for path in (recap.state / "runs").iterdir()} if (recap.state / "runs").exists() else set()
    for number in range(rounds(10, 200)):
        child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8100"))
        time.sleep(number % 10 / 200)
        signal_all_in(target, signal.SIGKILL)
        child.communicate(timeout=20)
        assert child.returncode != 0
    recap("ps")
    assert not recap.wait_until_idle(), before
    assert target.alive()


def test_a_target_that_stops_everything_does_not_hold_a_run(recap, toolbox, target):
    flags = ["--timeout", "3s", "--grace", "500ms"]
    child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8101", flags=flags))
    time.sleep(0.5)
    signal_all_in(target, signal.SIGSTOP)
    _, err = child.communicate(timeout=15)
    assert child.returncode == 124, err
    assert not recap.wait_until_idle()
