# SPDX-License-Identifier: Apache-2.0
"""The snapshot sees what it claims to see: for each class, a deliberate change is named."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

import pytest

from testlib import proc, snapshot


def take(target, cls, tmp_path):
    return snapshot.take(target.pid, tmp_path, [cls])


@contextlib.contextmanager
def inside(target, *namespaces, script):
    """A program of the host in namespaces of the target, alive while the block runs."""
    child = subprocess.Popen(
        ["nsenter", "-t", str(target.pid), *namespaces, "python3", "-c", script + "\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        assert child.stdout.readline() == b"\n"
        yield child
    finally:
        child.communicate(b"\n", timeout=10)


def named(before, cls, word):
    """The change is there, in its class, and its text has `word`."""
    changes = snapshot.changes_since(before, settle=0)
    assert [change for change in changes if change.cls == cls and word in str(change)], snapshot.explain(changes)


def test_a_quiet_target_does_not_change(target, tmp_path):
    before = snapshot.take(target.pid, tmp_path)
    time.sleep(0.3)
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
    assert set(before.classes) == set(snapshot.CLASSES)
    for cls in ("processes", "mounts", "descriptors", "files", "cgroups", "network"):
        assert before.classes[f"target.{cls}"], cls


def test_a_new_process_is_named(target, tmp_path):
    before = take(target, "target.processes", tmp_path)
    with inside(target, "-p", script=""):
        named(before, "target.processes", "python3")


def test_a_zombie_is_named(target, tmp_path):
    before = take(target, "target.processes", tmp_path)
    # The shell's child is orphaned and ends: /pause, its new parent, never reaps.
    subprocess.run(["nsenter", "-t", str(target.pid), "-p", "sh", "-c", "(sleep 0.2 &)"], check=True)
    time.sleep(0.4)
    named(before, "target.processes", "'Z'")


def test_a_stopped_process_is_named(target, tmp_path):
    before = take(target, "target.processes", tmp_path)
    target.kill(19)
    try:
        time.sleep(0.05)
        named(before, "target.processes", "'T'")
    finally:
        target.kill(18)


def test_a_mount_is_named(target, tmp_path):
    before = take(target, "target.mounts", tmp_path)
    script = ("import ctypes, os; libc = ctypes.CDLL(None);"
              f"assert libc.setns(os.pidfd_open({target.pid}), 0x20000) == 0;"
              "assert libc.mount(b'x', b'/tmp', b'tmpfs', 0, None) == 0")  # fmt: skip
    subprocess.run(["python3", "-c", script], check=True)
    named(before, "target.mounts", "/tmp")


def test_an_open_file_is_named(target, tmp_path):
    before = take(target, "target.descriptors", tmp_path)
    with inside(target, "-p", script="f = open('/etc/hostname')"):
        named(before, "target.descriptors", "/etc/hostname")


FILE_CHANGES = {
    "new file": lambda root: (root / "data/new").write_text("x"),
    "removed file": lambda root: (root / "data/link").unlink(),
    "content": lambda root: (root / "etc/app.conf").write_text("answer = 43\n"),
    "mode": lambda root: (root / "data/secret").chmod(0o644),
    "owner": lambda root: os.chown(root / "data/secret", 1, 1),
    "xattr": lambda root: os.setxattr(root / "data/deep/file", "user.other", b"1"),
    "times set back": lambda root: os.utime(root / "etc/app.conf", ns=(1, 1)),
    "same name, other inode": lambda root: _replace(root / "etc/app.conf"),
    "volatile file": lambda root: (root / "dev/shm/left").write_text("x"),
}


def _replace(path):
    twin = path.with_suffix(".twin")
    twin.write_bytes(path.read_bytes())
    info = path.stat()
    os.utime(twin, ns=(info.st_atime_ns, info.st_mtime_ns))
    twin.rename(path)


@pytest.mark.parametrize("what", FILE_CHANGES)
def test_a_changed_file_is_named(target, tmp_path, what):
    before = take(target, "target.files", tmp_path)
    FILE_CHANGES[what](Path(f"/proc/{target.pid}/root"))
    named(before, "target.files", "/")


def test_reading_a_file_changes_nothing(target, tmp_path):
    before = take(target, "target.files", tmp_path)
    with open(f"/proc/{target.pid}/root/data/deep/file") as file:
        file.read()
    assert not snapshot.changes_since(before, settle=0)


def test_a_cgroup_and_its_events_are_named(target, tmp_path):
    before = take(target, "target.cgroups", tmp_path)
    extra = proc.cgroups(target.pid)[0] / "extra"
    extra.mkdir()
    try:
        named(before, "target.cgroups", "extra")
    finally:
        extra.rmdir()
    assert any("pids.current" in name for name in before.classes["target.cgroups"])
    assert any("memory." in name for name in before.classes["target.cgroups"])


NETWORK_CHANGES = {
    "address": (["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], "192.0.2.1"),
    "link": (["ip", "link", "add", "left0", "type", "bridge"], "left0"),
    "promiscuous link": (["ip", "link", "set", "lo", "promisc", "on"], "link lo"),
    "rule": (["ip", "rule", "add", "to", "192.0.2.9", "table", "77"], "192.0.2.9"),
    "filter": (["nft", "add", "table", "inet", "left"], "table inet left"),
    "qdisc": (["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"], "netem"),
}


@pytest.mark.parametrize("what", NETWORK_CHANGES)
def test_a_network_object_is_named(target, tmp_path, what):
    command, word = NETWORK_CHANGES[what]
    before = take(target, "target.network", tmp_path)
    done = target.in_network(*command)
    if done.returncode != 0 and what == "qdisc":
        command = ["tc", "qdisc", "add", "dev", "lo", "root", "pfifo"]
        word, done = "pfifo", target.in_network(*command)
    assert done.returncode == 0, done.stderr
    named(before, "target.network", word)


SOCKETS = {
    "tcp": "s = socket.socket(); s.bind(('127.0.0.1', 7777)); s.listen()",
    "packet": "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
    "raw": "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "unix": r"s = socket.socket(socket.AF_UNIX); s.bind('\0left')",
}


@pytest.mark.parametrize("kind", SOCKETS)
def test_a_socket_is_named(target, tmp_path, kind):
    before = take(target, "target.network", tmp_path)
    with inside(target, "-n", script="import socket; " + SOCKETS[kind]):
        named(before, "target.network", f"{kind} socket")


IPC = {
    "shm": "libc.shmget(4711, 4096, 0o1600)",
    "sem": "libc.semget(4711, 1, 0o1600)",
    "msg": "libc.msgget(4711, 0o1600)",
    "message queue": "libc.mq_open(b'/left', 0o102, 0o600, None)",
}


@pytest.mark.parametrize("kind", IPC)
def test_an_ipc_object_is_named(target, tmp_path, kind):
    before = take(target, "target.ipc", tmp_path)
    with inside(target, "-i", script="import ctypes; libc = ctypes.CDLL(None); assert %s >= 0" % IPC[kind]):
        pass
    named(before, "target.ipc", kind)


def test_a_mount_of_the_host_is_named(target, tmp_path):
    before = take(target, "host.mounts", tmp_path)
    point = tmp_path / "point"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", point], check=True)
    try:
        named(before, "host.mounts", str(point))
    finally:
        subprocess.run(["umount", point], check=True)
    assert not snapshot.changes_since(before)


@pytest.mark.parametrize("kind", ["net", "mnt", "user", "pid", "ipc", "uts", "cgroup"])
def test_a_namespace_is_named(target, tmp_path, kind):
    before = take(target, "host.namespaces", tmp_path)
    flag = {"net": "-n", "mnt": "-m", "user": "-U", "pid": "-fp", "ipc": "-i", "uts": "-u", "cgroup": "-C"}[kind]
    child = subprocess.Popen(["unshare", flag, "--kill-child", "sleep", "60"] if kind == "pid"
                             else ["unshare", flag, "sleep", "60"])  # fmt: skip
    try:
        time.sleep(0.2)
        named(before, "host.namespaces", f"{kind}:[")
    finally:
        child.kill()
        child.wait()


def test_a_cgroup_of_the_host_is_named(target, tmp_path):
    before = take(target, "host.cgroups", tmp_path)
    top = next(iter(proc.hierarchies().values()))
    folder = top / f"left-{os.getpid()}"
    folder.mkdir()
    try:
        named(before, "host.cgroups", folder.name)
        named(before, "host.cgroups", "number of cgroups")
    finally:
        folder.rmdir()


def test_a_file_of_the_state_directory_is_named(target, tmp_path):
    before = take(target, "host.state", tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/left").write_text("x")
    named(before, "host.state", "runs/left")


def test_an_owner_of_keys_is_named(target, tmp_path):
    before = take(target, "host.keys", tmp_path)
    uid = 1_900_000_000 + os.getpid()  # the kernel takes minutes to forget one: not used twice
    script = (f"import ctypes, os; os.setuid({uid}); libc = ctypes.CDLL(None);"
              "assert libc.syscall(248, b'user', b'left', b'x', 1, -4) > 0; print(flush=True); input()")  # fmt: skip
    child = subprocess.Popen(["python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"\n"
        named(before, "host.keys", str(uid))
    finally:
        child.communicate(b"\n")


def test_a_process_of_ours_is_named(target, tmp_path):
    before = take(target, "host.processes", tmp_path)
    memfd = os.memfd_create("recap-left", 0)
    with open("/bin/busybox", "rb") as busybox:
        os.write(memfd, busybox.read())
    child = subprocess.Popen(["sleep", "60"], executable=f"/proc/self/fd/{memfd}", pass_fds=[memfd])
    try:
        time.sleep(0.1)
        named(before, "host.processes", "memfd:recap-left")
    finally:
        child.kill()
        child.wait()
        os.close(memfd)
