# SPDX-License-Identifier: Apache-2.0
"""SPEC: whichever one process of ours is killed, at any moment from the first instruction to the end of
Escape, under a target whose first process never reaps: nothing is left, and what the kernel cannot undo
is named. Few kills in the gate, 320 of each process in soak."""

import os
import random
import signal
import statistics
import time

import pytest

from testlib import proc, snapshot
from testlib.fixtures import rounds

# Path from recap to each process: its first child is the keeper, whose child is the outer stub, and so on.
DEPTH = {"recap": 0, "keeper": 1, "outer stub": 2, "inner stub": 3, "function": 4}
COMMAND = ("sh", "-c", "sleep 0.002 & wait")


class Lab:
    """Runs of a short function on one target, each with one process killed at a random moment."""

    def __init__(self, recap, toolbox, target, seed):
        self.recap, self.target = recap, target
        self.words = recap.run_words(toolbox, target, *COMMAND)
        self.chance = random.Random(seed)
        self.inside = proc.namespace(target.pid, "pid")
        took = []
        for _ in range(5):
            start = time.monotonic()
            assert recap(*self.words).returncode == 0
            took.append(time.monotonic() - start)
        self.length = statistics.median(took) * 1.1

    def run_and_kill(self, depth, stopping=None):
        """One run; whether the processes were there to be stopped and killed."""
        child = self.recap.popen(*self.words)
        deadline = time.monotonic() + self.chance.uniform(0, self.length)
        while time.monotonic() < deadline:
            pass
        victim = descendant(child.pid, depth)
        below = stopping and descendant(child.pid, stopping)
        # Before a stub has its name it may still hold what tells a keeper's death.
        stopped = stopping is None or is_stub_or_below(below) and send(below, signal.SIGSTOP)
        killed = send(victim, signal.SIGKILL)
        child.communicate(timeout=20)
        return stopped and killed

    def orphaned_stubs(self):
        """Zombies that are the target's first process' to reap."""
        return [each for each in proc.in_namespace("pid", self.inside)
                if each.comm == "recap-stub" and each.parent == self.target.pid]  # fmt: skip

    def records_naming_a_zombie(self):
        return [path for path in (self.recap.data / "records").glob("????????????") if b"zombie" in path.read_bytes()]


def first_child(pid):
    words = (proc.read(f"/proc/{pid}/task/{pid}/children") or "").split()
    return int(words[0]) if words else None


def descendant(pid, depth):
    for _ in range(depth):
        pid = pid and first_child(pid)
    return pid


def is_stub_or_below(pid):
    about = pid and proc.process(pid)
    return bool(about) and about.comm != "recap-keeper"


def send(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, TypeError):
        return False
    return True


@pytest.mark.parametrize("who", DEPTH)
def test_a_kill_at_any_moment_leaves_nothing(recap, toolbox, target, who):
    lab = Lab(recap, toolbox, target, seed=who)
    before = snapshot.take(target.pid, recap.state)
    named = len(lab.records_naming_a_zombie())
    wanted, killed = rounds(12, 320), 0
    for _ in range(wanted * 20):
        killed += lab.run_and_kill(DEPTH[who])
        if killed == wanted:
            break
    assert killed == wanted, f"only {killed} kills hit the {who}"
    assert recap("ps").returncode == 0
    assert not recap.wait_until_idle(), "a run is still there"
    orphans = lab.orphaned_stubs()
    if who == "outer stub":
        # The kernel gives its child to the target's first process, which alone could reap it.
        assert len(orphans) == len(lab.records_naming_a_zombie()) - named, "not every zombie is named"
    else:
        assert not orphans
    now = snapshot.take(target.pid, recap.state, ["target.processes"]).classes["target.processes"]
    before.classes["target.processes"].update({orphan.inner_pid: now[orphan.inner_pid] for orphan in orphans})
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_a_killed_keepers_stub_is_reaped_before_recap_ends(recap, toolbox, target):
    """Not only when the host's first process gets around to it, which may be seconds later."""
    lab = Lab(recap, toolbox, target, seed="keeper")
    killed = 0
    for _ in range(rounds(60, 400)):
        killed += lab.run_and_kill(DEPTH["keeper"])
        left = [each for each in proc.in_namespace("pid", lab.inside) if each.comm == "recap-stub"]
        assert not left, f"after {killed} kills: {left}"
    assert killed > 3


@pytest.mark.parametrize("stopped", ["outer stub", "inner stub", "function"])
def test_a_keeper_killed_while_a_process_below_is_stopped_leaves_nothing(recap, toolbox, target, stopped):
    """As when the target's root stops it, at any moment: also between the gate and the run's cgroup."""
    lab = Lab(recap, toolbox, target, seed=stopped)
    before = snapshot.take(target.pid, recap.state)
    hits = 0
    for _ in range(rounds(20, 300)):
        hits += lab.run_and_kill(DEPTH["keeper"], stopping=DEPTH[stopped])
        assert not recap.runs_on_disk(), recap("ps").stdout
    assert hits
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_the_targets_death_at_any_moment_ends_the_run(recap, toolbox, runc, lean):
    chance = random.Random("target")
    target = runc.run(lean)
    try:
        length = Lab(recap, toolbox, target, seed="").length
        for _ in range(rounds(8, 200)):
            child = recap.popen(*recap.run_words(toolbox, target, *COMMAND))
            time.sleep(chance.uniform(0, length))
            target.kill()
            child.communicate(timeout=20)
            assert target.wait(2), "the target did not end"
            target.remove()
            target = runc.run(lean)
        assert recap("ps").returncode == 0 and not recap.wait_until_idle()
    finally:
        target.remove()
