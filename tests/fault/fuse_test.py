# SPDX-License-Identifier: Apache-2.0
"""SPEC: a deadline ends a run also when its function waits for a file server that never answers. What not
even SIGKILL ends is named, holds up nobody, and is removed by a later command once the kernel lets it."""

import json
import os
import signal
import subprocess

import pytest

from testlib import proc, snapshot
from testlib.fuse import NeverAnswers
from testlib.waiting import Stopwatch, until

CLASSES = ["target.processes", "target.mounts", "target.cgroups", "host.mounts", "host.cgroups",
           "host.processes", "host.state"]  # fmt: skip
PLACE = "/tmp"


@pytest.fixture
def before(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    return lambda: snapshot.take(target.pid, recap.state, CLASSES)


def listing(recap, toolbox, target, work, *flags):
    """A run that lists the mount and waits for ever: its exit code and what it said. Not by pipes, which who
    hangs would hold open."""
    words = recap.run_words(toolbox, target, "ls", PLACE, flags=["--path", PLACE, "--grace", "0s", *flags])
    with open(work / "stderr", "w+b") as stderr:
        child = recap.popen(*words, stdout=subprocess.DEVNULL, stderr=stderr)
        child.wait(30)
        stderr.seek(0)
        return child.returncode, stderr.read()


def stubs(target):
    inside = proc.in_namespace("pid", proc.namespace(target.pid, "pid"))
    return [each for each in inside if each.comm == "recap-stub"]


def test_a_deadline_ends_who_waits_for_a_file_server(recap, toolbox, target, work, before):
    with NeverAnswers(target, PLACE, takes_requests=False):
        quiet = before()
        with Stopwatch() as watch:
            code, stderr = listing(recap, toolbox, target, work, "--timeout", "1s")
        assert code == 124, stderr
        assert watch.seconds < 3
        changes = snapshot.changes_since(quiet)
        assert not changes, snapshot.explain(changes)


@pytest.mark.parametrize("which", ["the deadline", "the keeper's end"])
def test_a_stub_that_waits_for_a_file_server_ends_too(recap, toolbox, target, before, which):
    """As long as the function is not there, nothing has to be reaped."""
    with NeverAnswers(target, PLACE, takes_requests=False):
        quiet = before()
        flags = ["--path", f"{PLACE}/file", "--timeout", "1s" if which == "the deadline" else "60s"]
        caller = recap.popen(*recap.run_words(toolbox, target, "true", flags=flags))
        until(lambda: stubs(target))
        if which != "the deadline":
            (keeper,) = (each for each in proc.children(caller.pid) if each.comm == "recap-keeper")
            os.kill(keeper.pid, signal.SIGKILL)
        assert caller.wait(4) == (124 if which == "the deadline" else 125), caller.communicate()
        caller.communicate()
        changes = snapshot.changes_since(quiet)
        assert not changes, snapshot.explain(changes)


@pytest.mark.parametrize("then", ["answered", "target killed"])
def test_what_sigkill_does_not_end_is_named_and_removed_later(recap, toolbox, target, work, before, then):
    with NeverAnswers(target, PLACE, takes_requests=True) as server:
        quiet = before()
        with Stopwatch() as watch:
            code, stderr = listing(recap, toolbox, target, work, "--timeout", "1s")
        assert server.taken, "the function did not ask the file server"
        assert code == 125 and b"does not die" in stderr, stderr
        assert watch.seconds < 9
        (run,) = recap.runs_on_disk()
        uids = list((recap.state / "uids").iterdir())
        assert len(uids) == 1, "another run could get the uid of a live process"
        record = json.loads(recap("inspect", run).stdout)
        assert record["residue"]["verified"] is False
        with Stopwatch() as watch:
            assert recap.run(toolbox, target, "true").returncode == 0
        assert watch.seconds < 2, "a stuck run holds up others"
        assert len(stubs(target)) == 2, "a stub that has a child to reap was killed"
        if then == "target killed":
            target.kill()
    # The end of the file server is the end of all that wait for it.
    until(lambda: not stubs(target))
    assert recap("ps").returncode == 0
    assert recap.runs_on_disk() == []
    record = json.loads(recap("inspect", run).stdout)
    assert recap.residue_of_recovered(run) == []
    assert record["exit"]["reason"] == "DeadlineExceeded"
    if then == "answered":
        changes = snapshot.changes_since(quiet)
        assert not changes, snapshot.explain(changes)
