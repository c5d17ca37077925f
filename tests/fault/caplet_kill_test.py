# SPDX-License-Identifier: Apache-2.0
"""A Caplet that is killed at each of its system calls between the note of a run and the note of its end: the run
happens, once, and is counted."""

import json
import os
import random
import re
import signal
from collections import Counter

import pytest

from testlib import proc
from testlib.caplet import Caplet, capsule_run
from testlib.fixtures import SOAK
from testlib.waiting import until

IN_THE_GATE = 3


@pytest.fixture
def caplet(recap, toolbox, tmp_path):
    caplet = Caplet(recap, tmp_path)
    yield caplet
    caplet.clean()


@pytest.fixture
def web(runc, lean):
    container = runc.run(lean, annotations={"app": "web"})
    yield container
    container.remove()


def start_traced(caplet, log, *words):
    """Its event loop only: that does all, but wait for processes."""
    program, own = caplet.program, caplet.words
    caplet.program, caplet.words = "strace", ["-qq", "-o", log, *words, program, *own]
    try:
        caplet.start()
    finally:
        caplet.program, caplet.words = program, own


def end_traced(caplet):
    """Whether it had been killed already; strace itself ends when it has nothing to trace."""
    child, caplet.child = caplet.child, None
    was_killed = child.poll() is not None
    for tracee in proc.children(child.pid):
        os.kill(tracee.pid, signal.SIGKILL)
    child.wait(10)
    return was_killed


def steps_of(log):
    """The calls from the first note on to the last, as (name, the how manieth of that name)."""
    counts, steps, last = Counter(), [], 0
    for line in log.read_text().splitlines():
        if not (found := re.match(r"\w+", line)):
            continue
        counts[found[0]] += 1
        is_note = '.new"' in line
        if steps or is_note:
            steps.append((found[0], counts[found[0]]))
        last = len(steps) if is_note else last
    return steps[:last + 1]


def declare(caplet, toolbox, name):
    caplet.declare(capsule_run(name, toolbox, None, command=["/bin/sh", "-c", "echo ran; sleep 0.2"]))


def outputs(caplet, name):
    listed = json.loads(caplet.recap("ps", "--all", "-o", "json").stdout)
    ended = [record for record in listed if record.get("requester") == f"CapsuleRun/{name}" and "exit" in record]
    return [text for record in ended if (text := caplet.output(record["id"]))]


def is_counted(caplet, name):
    return [state["succeeded"] for (of, _), state in caplet.state().items() if of == f"CapsuleRun/{name}"] == [1]


def test_at_every_step_of_a_run(caplet, toolbox, web, tmp_path):
    log = tmp_path / "calls"
    declare(caplet, toolbox, "reference")
    start_traced(caplet, log)
    caplet.wait_for("a run has ended")
    until(lambda: is_counted(caplet, "reference"), what="note of the end")
    end_traced(caplet)
    caplet.withdraw("reference")
    steps = steps_of(log)
    assert {"clone3", "sendmsg"} <= {name for name, _ in steps} and len(steps) > 40, steps
    killed = 0
    chosen = steps if SOAK else random.sample(steps, IN_THE_GATE)
    for number, (call, which) in enumerate(chosen):
        name = f"killed-{number}"
        declare(caplet, toolbox, name)
        start_traced(caplet, log, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={which}")
        until(lambda: caplet.child.poll() is not None or caplet.said("a run has ended"), 15, f"{call} {which}")
        killed += end_traced(caplet)
        caplet.start()
        until(lambda: is_counted(caplet, name), 15, f"the end that is counted once ({call} {which})")
        until(lambda: not caplet.recap.live())
        assert outputs(caplet, name) == ["ran\n"], (call, which)
        caplet.withdraw(name)
        until(lambda: not caplet.state(), what="forgetting")
        caplet.end()
    # How often one waits for something differs, so a few are not reached.
    assert killed > len(chosen) / 2, (killed, steps)
    assert not proc.running("sleep", "0.2")
