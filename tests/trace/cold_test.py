# SPDX-License-Identifier: Apache-2.0
"""SPEC: no cgroup of a run stays, not even a removed one that the kernel keeps for the sake of page cache: a
function that is the first to read a file from disk is charged for its pages."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from testlib import host, proc
from testlib.recap import Recap
from testlib.waiting import until

RUNS = 40
NOISE = 20  # cgroups that others on this host happen to make meanwhile


@pytest.fixture
def on_disk(runc, toolbox_image):
    """A recap whose store is on a disk, wherever the other tests have theirs."""
    work = Path(tempfile.mkdtemp(prefix="recap-cold-", dir="/var/tmp"))
    recap = Recap(work, host.recap_variables(runc.roots))
    recap.import_image(toolbox_image)
    yield recap
    recap.clean()
    shutil.rmtree(work)


def small_files(store):
    """Some files of the image, as (path on the host, path in the image)."""
    found = []
    for folder, _, names in os.walk(store):
        for name in names:
            path = Path(folder) / name
            inside = str(path).partition("/usr/")[2]
            if inside and not path.is_symlink() and 2000 < path.stat().st_size < 60000:
                found.append((path, f"/usr/{inside}"))
    return found[:RUNS]


def make_cold(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def memory_cgroups():
    """How many there are, removed ones that live on included."""
    lines = (proc.read("/proc/cgroups") or "").splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("memory"))


def test_a_function_that_reads_cold_files_leaves_no_cgroup(on_disk, toolbox, target):
    files = small_files(on_disk.data / "store")
    assert len(files) == RUNS
    assert on_disk.run(toolbox, target, "cat", files[0][1]).returncode == 0
    before = memory_cgroups()
    for path, inside in files:
        make_cold(path)
        assert on_disk.run(toolbox, target, "cat", inside).returncode == 0
    until(lambda: memory_cgroups() < before + NOISE, what=f"the end of {RUNS} cgroups")
