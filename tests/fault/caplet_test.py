# SPDX-License-Identifier: Apache-2.0
"""A Caplet whose disk is full: nothing starts that could not be remembered, what runs goes on, and it recovers by
itself."""

import collections
import contextlib
import subprocess

import pytest

from testlib import host
from testlib.caplet import Caplet, capsule, periodic
from testlib.recap import Recap
from testlib.waiting import until


@pytest.fixture
def small_disk(work):
    """The data directory on a file system of its own, of 2 MiB."""
    folder = work / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-R", "-l", folder], check=True)
    folder.rmdir()


@pytest.fixture
def caplet(recap, runc, toolbox, small_disk, work, tmp_path):
    there = Recap(work, host.recap_variables(runc.roots))
    there.data = small_disk
    there.env["RECAP_DATA_DIR"] = str(small_disk)
    (small_disk / "store").mkdir(mode=0o700)
    subprocess.run(["mount", "--bind", recap.data / "store", small_disk / "store"], check=True)
    caplet = Caplet(there, tmp_path)
    yield caplet
    caplet.clean()


def fill(folder):
    with open(folder / "fill", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk(caplet, runc, lean, toolbox, small_disk):
    web = runc.run(lean, annotations={"app": "web"})
    try:
        quick = {"terminationGracePeriodSeconds": 0}
        command = {"command": ["/bin/sh", "-c", "echo $RECAP_SCHEDULED"]}
        caplet.declare(capsule("tick", toolbox, periodic("@every 1s"), **command,
                               history={"successful": 99, "failed": 99}))  # fmt: skip
        caplet.declare(capsule("sleeper", toolbox, {"type": "Continuous"}, command=["sleep", "7950"], **quick))
        caplet.start()
        sleeper = caplet.wait_for("a run has started", capsule="Capsule/sleeper")["run"]
        caplet.wait_for("a run has ended", 2, capsule="Capsule/tick")
        fill(small_disk)
        caplet.wait_for("the state of an assignment cannot be written; no run starts until it can", timeout=30)
        until(lambda: [run["id"] for run in caplet.recap.live()] == [sleeper])
        started = len(caplet.started("tick"))
        (small_disk / "fill").unlink()
        caplet.wait_for("a run has started", started + 2, capsule="Capsule/tick", timeout=30)
        caplet.withdraw("tick")
        until(lambda: [run["id"] for run in caplet.recap.live()] == [sleeper])
        told = [line for line in caplet.ended("tick") if line["exitCode"] == 0]
        times = collections.Counter(caplet.output(line["run"]) for line in told)
        assert told and max(times.values()) == 1, times
        assert {line["residue"] for line in caplet.ended("tick")} == {0}
    finally:
        web.remove()
