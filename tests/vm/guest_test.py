# SPDX-License-Identifier: Apache-2.0
"""The guest is what the vm tier promises: Linux 6.1, pure cgroup v2, mounted and laid out as systemd does."""

import os
import re
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def mounts(kind):
    rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [(row[1], set(row[3].split(","))) for row in rows if row[2] == kind]


def test_kernel_is_debians_6_1():
    assert re.match(r"6\.1\.0-\d+-", os.uname().release), os.uname().release


def test_cgroup_is_v2_alone_with_systemds_options():
    assert mounts("cgroup") == []
    [(point, options)] = mounts("cgroup2")
    assert point == str(CGROUP)
    assert {"nsdelegate", "memory_recursiveprot"} <= options


def test_nobody_sits_in_an_inner_cgroup():
    own = CGROUP / Path("/proc/self/cgroup").read_text().strip().removeprefix("0::/")
    assert own.parent == CGROUP / "system.slice"
    assert {"cpu", "memory", "pids"} <= set((own / "cgroup.controllers").read_text().split())
    assert (CGROUP / "system.slice/cgroup.procs").read_text() == ""


def test_state_directories_are_tmpfs_and_the_root_is_a_disk():
    assert "/run" in [point for point, _ in mounts("tmpfs")]
    assert "/" in [point for point, _ in mounts("ext4")]
