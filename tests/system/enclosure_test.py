# SPDX-License-Identifier: Apache-2.0
"""SPEC: a Capsule's root is the end of its world: no mount, no "..", no descriptor leads out."""

import ctypes
import os
import re
import stat

import pytest

from testlib import proc
from testlib.waiting import until

HIDDEN = ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
          "/sys/devices/virtual/powercap"]  # fmt: skip
KERNELS = {"/", "/dev", "/dev/pts", "/dev/shm", "/proc", "/sys", *filter(os.path.exists, HIDDEN)}
VIEWS = {
    "nothing": ([], KERNELS),
    "path": (["--path", "/data"], KERNELS | {"/data"}),
    "target": (["--view", "target"], KERNELS | {"/target"}),
    "merged": (["--view", "merged"], KERNELS),
}
SHARED = pytest.mark.parametrize("share", ["net", "net,pid"])
VIEWED = pytest.mark.parametrize("view", VIEWS)


@pytest.fixture
def inhabitants(recap, toolbox, target):
    """inhabitants(flags): a sleeping function, and every process of its mount namespace."""

    def start(flags):
        recap.start(toolbox, target, "sleep", "8655", flags=flags)
        (function,) = until(lambda: proc.running("sleep", "8655"))
        return function, proc.in_namespace("mnt", proc.namespace(function, "mnt"))

    return start


def mounts_from_its_root(pid):
    """The mounts of a process's mount namespace as one sees them from that namespace's own root: a
    process that joins it stands there, whatever root its members have chosen."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = os.open("/proc/self", os.O_RDONLY)
            ctypes.CDLL(None).setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), 0)
            with open(os.open("mountinfo", os.O_RDONLY, dir_fd=own)) as lines:
                os.write(writer, lines.read(60_000).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        lines = told.read().splitlines()
    os.waitpid(child, 0)
    return lines


def mount_of(path):
    """The id of the mount that a path leads to, as in mountinfo."""
    place = os.open(path, os.O_PATH)
    try:
        (number,) = re.findall(r"^mnt_id:\s*(\d+)", proc.read(f"/proc/self/fdinfo/{place}"), re.MULTILINE)
        return number
    finally:
        os.close(place)


def directories_of(pid):
    return [entry.path for entry in os.scandir(f"/proc/{pid}/fd") if stat.S_ISDIR(entry.stat().st_mode)]


@SHARED
@VIEWED
def test_the_mount_table_lists_the_capsules_own_mounts_only(inhabitants, view, share):
    flags, places = VIEWS[view]
    function, _ = inhabitants([*flags, "--share", share])
    mounts = proc.mounts(function)
    assert sorted(mount.point for mount in mounts) == sorted(places)
    ids = {mount.id for mount in mounts}
    assert all(mount.point == "/" or mount.line.split()[1] in ids for mount in mounts), mounts
    assert mounts_from_its_root(function) == [mount.line for mount in mounts]


@VIEWED
def test_above_the_root_is_the_root(capsule, view):
    script = "for place in / /.. /../.. /proc/self/root/.. /proc/self/cwd/../..; do stat -c '%d:%i' $place; done"
    done = capsule("sh", "-c", f"cd / && {script}", flags=VIEWS[view][0])
    places = done.stdout.split()
    assert len(places) == 5 and len(set(places)) == 1, done


@SHARED
@VIEWED
def test_no_process_of_a_capsule_holds_a_directory_outside(inhabitants, view, share):
    function, members = inhabitants([*VIEWS[view][0], "--share", share])
    assert len(members) == 3, members  # the function and its two stubs
    mounts = {mount.id for mount in proc.mounts(function)}
    for member in members:
        for kind in ("root", "cwd"):
            assert mount_of(f"/proc/{member.pid}/{kind}") in mounts, (member, kind)
        # A stub lets go of what it built with when the function's exec has succeeded, a moment after.
        until(lambda pid=member.pid: not directories_of(pid), what=f"{member} letting go of directories")
