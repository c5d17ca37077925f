# SPDX-License-Identifier: Apache-2.0
"""SPEC: whichever one process of ours is killed, at whichever moment, the run is cleaned: at the latest
by the next recap command, and nothing is left."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from testlib import orphans, proc, snapshot
from testlib.waiting import Stopwatch, until


class Live:
    """A run of `sleep WORD`, and the host pids of its processes."""

    def __init__(self, recap, toolbox, target, word, *flags, detached=False):
        self.word = word
        if detached:
            self.caller = None
            recap.start(toolbox, target, "sleep", word, flags=flags)
        else:
            self.caller = recap.popen(*recap.run_words(toolbox, target, "sleep", word, flags=flags))
        self.function = until(lambda: proc.running("sleep", word), what="the function's start")[0]
        ancestors, pid = [], self.function
        while (pid := proc.process(pid).parent) > 1 and pid not in (os.getpid(), self.caller and self.caller.pid):
            ancestors.append(pid)
        # From the inside out: stubs, which are in the target's pid namespace, then the keeper.
        inside = proc.namespace(target.pid, "pid")
        self.stubs = [pid for pid in ancestors if proc.namespace(pid, "pid") == inside]
        self.keeper = next(pid for pid in ancestors if pid not in self.stubs)

    def gone(self):
        return not proc.running("sleep", self.word)

    def end(self):
        if self.caller:
            self.caller.kill()
            self.caller.communicate()


@pytest.fixture
def before(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    return snapshot.take(target.pid, recap.state)


def clean_after_next_command(recap, before, allowed=lambda change: False, settle=snapshot.SETTLE_SECONDS):
    done = recap("ps")
    assert done.returncode == 0, done
    assert not recap.wait_until_idle(), "a run is still there"
    changes = [change for change in snapshot.changes_since(before, settle) if not allowed(change) and not dying(change)]
    assert not changes, snapshot.explain(changes)


def dying(change):
    """After a kill, pages that a process of the run had touched may keep its removed memory cgroup for a while."""
    return change.cls == "host.cgroups" and "dying" in str(change.what)


# A detached run has no caller any more.
VICTIMS = [(who, detached) for who in ("recap", "keeper", "outer stub", "inner stub", "function")
           for detached in (False, True) if (who, detached) != ("recap", True)]  # fmt: skip


CALLERS_CODE = {"recap": -signal.SIGKILL, "function": 128 + signal.SIGKILL}  # who else is killed: 125, ours
REASON = {"recap": "CallerGone", "keeper": "KeeperGone", "outer stub": "Failed", "inner stub": "Failed",
          "function": "Exited"}  # fmt: skip


def newest_record(recap):
    newest = max((recap.data / "records").glob("????????????"), key=lambda record: record.stat().st_mtime)
    return json.loads(recap("inspect", newest.name).stdout)


@pytest.mark.parametrize(("who", "detached"), VICTIMS)
def test_one_killed_process_leaves_nothing(recap, toolbox, target, before, who, detached):
    live = Live(recap, toolbox, target, "8000", detached=detached)
    assert live.stubs, "no stub was found"
    pid = {"recap": live.caller.pid if live.caller else 0, "keeper": live.keeper, "outer stub": live.stubs[-1],
           "inner stub": live.stubs[0], "function": live.function}[who]  # fmt: skip
    os.kill(pid, signal.SIGKILL)
    until(lambda: proc.is_dead(pid))  # "next" is after its end, not after the signal
    if live.caller:
        _, stderr = live.caller.communicate(timeout=10)
        assert live.caller.returncode == CALLERS_CODE.get(who, 125), stderr
        assert (b"was killed; its run was cleaned up" in stderr) == (who == "keeper"), stderr
    if who == "outer stub":
        clean_after_next_command(recap, before, allowed=orphans.is_orphaned_stub)
    else:
        clean_after_next_command(recap, before)
    assert live.gone()
    record = newest_record(recap)
    assert record["exit"]["reason"] == REASON[who], record
    assert record["exit"]["code"] == {"recap": 143, "function": 137}.get(who, 125), record
    found = [each["what"] for each in record["residue"]["found"]]
    assert found == (["zombie"] if who == "outer stub" else []), record
    assert record["residue"]["verified"] is (who != "outer stub"), record
    if who == "keeper":
        assert "was killed" in record["exit"]["message"], record


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_recap_ends_the_run(recap, toolbox, target, before, number):
    live = Live(recap, toolbox, target, "8001")
    live.caller.send_signal(number)
    with Stopwatch() as watch:
        assert live.caller.wait(10) == 128 + number
    assert watch.seconds < 6 and live.gone()
    live.end()
    assert recap.runs_on_disk() == []
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_a_killed_caller_ends_its_run_without_another_command(recap, toolbox, target):
    live = Live(recap, toolbox, target, "8002")
    live.caller.kill()
    live.end()
    until(live.gone, timeout=7)
    assert not recap.wait_until_idle()


def test_a_stopped_keeper_does_not_hold_up_the_targets_death(recap, toolbox, target):
    live = Live(recap, toolbox, target, "8003", detached=True)
    os.kill(live.keeper, signal.SIGSTOP)
    try:
        target.kill()
        assert target.wait(1), "the target did not end within 1 s"
        until(live.gone, timeout=1)
    finally:
        os.kill(live.keeper, signal.SIGCONT)
    assert not recap.wait_until_idle()


def test_the_target_dies_while_the_keeper_is_dead(recap, toolbox, target):
    live = Live(recap, toolbox, target, "8004", detached=True)
    os.kill(live.keeper, signal.SIGKILL)
    target.kill()
    # The orphaned stub is the host init's to reap, and some inits take their time; a living keeper's is not.
    assert target.wait(10)
    assert recap("ps").returncode == 0
    assert not recap.wait_until_idle() and live.gone()


@pytest.fixture
def scopes():
    """A cgroup in each hierarchy, as those of a shell's scope or of the container a Caplet was started in."""
    made = [top / f"starter-{os.getpid()}" for top in proc.hierarchies().values() if "cpuset" not in str(top)]
    for scope in made:
        scope.mkdir()
    yield made
    for scope in made:
        empty(scope)
        scope.rmdir()


def empty(scope):
    for pid in proc.cgroup_members(scope):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not proc.cgroup_members(scope))


def start_in(scopes, recap, script, words, **options):
    """A shell in those cgroups; the words are its "$@"."""
    join = "".join(f"echo 0 > {scope}/cgroup.procs; " for scope in scopes)
    words = [recap.program, *words]
    return subprocess.Popen(["sh", "-c", join + script, "sh", *map(str, words)], env=recap.env, text=True, **options)


def test_whoever_starts_it_hears_how_it_ends(recap, toolbox, target, scopes):
    """Beside v1, too, the v2 hierarchy is left by a child that goes on as the keeper."""
    words = recap.run_words(toolbox, target, "sh", "-c", "echo x; exit 42")
    starter = start_in(scopes, recap, 'exec "$@"', words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (*starter.communicate(timeout=30), starter.returncode) == ("x\n", "", 42)


def test_a_command_ends_when_its_recovery_has(recap, toolbox, target, scopes):
    live = Live(recap, toolbox, target, "8007", detached=True)
    for stub in live.stubs:
        os.kill(stub, signal.SIGSTOP)  # so that it takes a while
    os.kill(live.keeper, signal.SIGKILL)
    until(lambda: proc.is_dead(live.keeper))
    assert start_in(scopes, recap, 'exec "$@"', ["ps"], stdout=subprocess.DEVNULL).wait(30) == 0
    assert recap.runs_on_disk() == [] and live.gone()


def test_the_starters_cgroup_is_removed_and_the_run_goes_on(recap, toolbox, target, scopes):
    words = recap.run_words(toolbox, target, "sleep", "8005", flags=["-d", "--name", "goes-on"])
    starter = start_in(scopes, recap, '"$@" > /dev/null && exec sleep 8006', words)
    until(lambda: proc.running("sleep", "8006"))
    assert proc.running("sleep", "8005")
    for scope in scopes:
        empty(scope)
    starter.wait(10)
    assert proc.running("sleep", "8005"), "the run ended with its starter"
    assert [entry["name"] for entry in recap.live()] == ["goes-on"]
    assert recap("stop", "goes-on").returncode == 0
    assert recap.runs_on_disk() == []


@pytest.mark.parametrize("files", [[], ["ledger"]])
def test_a_keeper_that_died_before_its_spec_leaves_no_directory(recap, toolbox, target, files):
    recap.run(toolbox, target, "true")
    folder = recap.state / "runs" / "0123456789ab"
    folder.mkdir(mode=0o700)
    for name in files:
        (folder / name).touch(mode=0o600)
    os.utime(folder, (time.time() - 3600,) * 2)
    assert recap("ps").returncode == 0
    assert not folder.exists()
