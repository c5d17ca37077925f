# SPDX-License-Identifier: Apache-2.0
"""SPEC: a full disk, no descriptors, no processes, no memory: one sentence, 125, nothing left."""

import contextlib
import resource
import subprocess

import pytest

from testlib import host, snapshot
from testlib.recap import Recap


@pytest.fixture
def before(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    return snapshot.take(target.pid, recap.state, ["target.processes", "target.mounts", "host.mounts", "host.cgroups",
                                                   "host.processes", "host.state"])  # fmt: skip


def refused(done, before):
    assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def with_limit(what, value):
    return lambda: resource.setrlimit(what, (value, value))


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20])
def test_too_few_descriptors(recap, toolbox, target, before, count):
    done = recap.run(toolbox, target, "true", preexec_fn=with_limit(resource.RLIMIT_NOFILE, count))
    if done.returncode != 0:
        refused(done, before)


@pytest.mark.parametrize("mebibytes", [1, 2, 3, 4, 6, 8])
def test_too_little_memory(recap, toolbox, target, before, mebibytes):
    done = recap.run(toolbox, target, "true", preexec_fn=with_limit(resource.RLIMIT_AS, mebibytes << 20))
    # Where the kernel cannot even start the program, it kills it; and the function inherits the limit.
    if done.returncode not in (0, -9, -11, 139):
        refused(done, before)


@pytest.mark.parametrize("size", [4096, 8192, 16384, 65536])
@pytest.mark.parametrize("which", ["state", "data"])
def test_a_full_disk(recap, runc, toolbox, target, work, which, size):
    folder = work / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=64,mode=700", "none", folder], check=True)
    try:
        small = Recap(work, host.recap_variables(runc.roots))
        small.data = recap.data
        if which == "state":
            small.env["RECAP_STATE_DIR"] = str(folder)
            small.state = folder
        else:
            small.data = folder
            small.env["RECAP_DATA_DIR"] = str(folder)
            (folder / "store").mkdir(mode=0o700)
            subprocess.run(["mount", "--bind", recap.data / "store", folder / "store"], check=True)
        with open(folder / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while True:
                fill.write(bytes(4096))
        before = snapshot.take(target.pid, small.state, ["target.processes", "target.mounts", "host.cgroups",
                                                         "host.processes"])  # fmt: skip
        done = small.run(toolbox, target, "true")
        if done.returncode != 0:
            refused(done, before)
    finally:
        if which == "data":
            subprocess.run(["umount", "-l", folder / "store"], check=True)
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def test_a_full_scratch_while_the_run_starts(recap, toolbox, target, before):
    for size in ("4Ki", "8Ki", "16Ki", "64Ki", "1Mi"):
        done = recap.run(toolbox, target, "true", flags=["--scratch", size])
        if done.returncode != 0:
            refused(done, before)


def test_too_little_memory_for_the_capsule(recap, toolbox, target, before):
    for size in ("4Ki", "64Ki", "256Ki", "1Mi"):
        done = recap.run(toolbox, target, "true", flags=["--memory", size])
        assert done.returncode in (0, 125, 137), done
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_one_process_is_enough_for_a_function_that_starts_none(recap, toolbox, target, before):
    for count in ("1", "2", "3"):
        done = recap.run(toolbox, target, "true", flags=["--pids", count])
        if done.returncode != 0:
            refused(done, before)
