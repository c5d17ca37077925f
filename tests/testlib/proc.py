# SPDX-License-Identifier: Apache-2.0
"""What /proc and the cgroup file systems say, for tests. Whatever ends while it is read is left out."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


@dataclass(frozen=True)
class Process:
    pid: int  # as the host sees it
    inner_pid: int  # in its innermost pid namespace
    parent: int
    comm: str
    state: str
    uids: tuple  # real, effective, saved, fs
    start_time: int


def pids():
    return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]


def read(path):
    """The text of a small file, or None when it, or its process, is gone."""
    try:
        return Path(path).read_text(errors="replace")
    except (OSError, ValueError):
        return None


def status(pid):
    """/proc/PID/status as {name: value}, or None."""
    text = read(PROC / str(pid) / "status")
    if not text:
        return None
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def process(pid):
    fields, stat = status(pid), read(PROC / str(pid) / "stat")
    if not fields or not stat:
        return None
    return Process(
        pid=pid,
        inner_pid=int(fields["NSpid"].split()[-1]),
        parent=int(fields["PPid"]),
        comm=fields["Name"],
        state=fields["State"][0],
        uids=tuple(int(uid) for uid in fields["Uid"].split()),
        start_time=int(stat.rpartition(")")[2].split()[19]),
    )


def is_dead(pid):
    about = process(pid)
    return about is None or about.state == "Z"


def namespace(pid, kind):
    """The inode that identifies a namespace of a process, or None."""
    try:
        return os.stat(PROC / str(pid) / "ns" / kind).st_ino
    except OSError:
        return None


def in_namespace(kind, inode):
    """Every process of one namespace, zombies included."""
    members = (process(pid) for pid in pids() if namespace(pid, kind) == inode)
    return [member for member in members if member]


def children(pid):
    """All descendants of a process."""
    parents = {}
    for each in pids():
        found = process(each)
        if found:
            parents.setdefault(found.parent, []).append(found)
    todo, found = [pid], []
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += [each.pid for each in below]
    return found


@dataclass(frozen=True)
class MountLine:
    id: str
    root: str
    point: str
    kind: str
    line: str


def unescape(text):
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def mounts(pid):
    lines = (read(PROC / str(pid) / "mountinfo") or "").splitlines()
    found = []
    for line in lines:
        words = line.split(" ")
        kind = words[words.index("-") + 1]
        found.append(MountLine(words[0], words[3], unescape(words[4]), kind, line))
    return found


def hierarchies():
    """{controllers: mount point} of every mounted cgroup hierarchy; the unified one is ""."""
    found = {}
    known = {line.split()[0] for line in (read("/proc/cgroups") or "").splitlines() if line[0] != "#"}
    for mount in mounts("self"):
        if mount.kind == "cgroup2":
            found.setdefault("", Path(mount.point))
        elif mount.kind == "cgroup":
            options = mount.line.rpartition(" ")[2].split(",")
            names = [word for word in options if word in known or word.startswith("name=")]
            found.setdefault(",".join(names), Path(mount.point))
    return found


def cgroups(pid):
    """The cgroup directories of a process, one per hierarchy, as paths of this host."""
    mounted = {frozenset(names.split(",")): point for names, point in hierarchies().items()}
    found = []
    for line in (read(PROC / str(pid) / "cgroup") or "").splitlines():
        _, names, path = line.split(":", 2)
        point = mounted.get(frozenset(names.split(",")))
        if point:
            found.append(point / path.lstrip("/"))
    return found


def cgroup_members(pid_path):
    """Every pid below a cgroup directory."""
    found = set()
    for folder, _, _ in os.walk(pid_path):
        found.update(int(pid) for pid in (read(Path(folder) / "cgroup.procs") or "").split())
    return found


def running(comm, word):
    """Pids of live programs called `comm` that have `word` among their arguments."""
    found = []
    for pid in pids():
        about = process(pid)
        arguments = (read(PROC / str(pid) / "cmdline") or "").split("\0")
        if about and about.comm == comm and about.state != "Z" and word in arguments:
            found.append(pid)
    return found
