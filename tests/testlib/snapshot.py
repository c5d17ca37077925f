# SPDX-License-Identifier: Apache-2.0
"""A full picture of a target and of its host, to be compared before and after a Run.

    before = snapshot.take(target.pid, state_dir)
    ...
    changes = snapshot.changes_since(before)     # waits a moment for what the kernel frees later
    assert not changes, snapshot.explain(changes)

A picture is {class: {object: what is known of it}}; CLASSES says what each class holds. Only a quiet
target has equal pictures: nothing that changes by itself (counters, access times) is in it.
"""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import proc, tree_walk

CLASSES = {
    "target.processes": "every process of its pid namespace, zombies included",
    "target.mounts": "its mount table",
    "target.descriptors": "what its processes have open",
    "target.files": "its file systems: inode, mode, owner, size, times, xattrs",
    "target.cgroups": "its cgroups, their members and event counters",
    "target.network": "addresses, links, routes, rules, filters, sockets",
    "target.ipc": "System V objects and POSIX message queues",
    "host.mounts": "the mount tables of init and of this process",
    "host.namespaces": "namespaces that any process is in",
    "host.processes": "processes in RECap's cgroups, or of its programs",
    "host.cgroups": "cgroup directories of every hierarchy, dying ones by number",
    "host.state": "RECap's state directory",
    "host.keys": "users that own keys",
}
# File systems that show the kernel's view, not stored files.
NOT_FILES = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "bpf", "debugfs", "tracefs"}
EVENTS = ("memory.events", "memory.failcnt", "memory.oom_control", "pids.current", "pids.events",
          "cgroup.events", "cgroup.procs", "tasks")  # fmt: skip
SETTLE_SECONDS = 5
OUR_PROCESSES = ("recap-keeper", "recap-stub")
# What other people's containers change too. On a host where they come and go (not in CI), set
# RECAP_TESTS_SHARED_HOST=1 and these are left out.
BUSY_HOST = {"host.mounts", "host.namespaces", "host.cgroups", "host.processes"}
SHARED_HOST = bool(os.environ.get("RECAP_TESTS_SHARED_HOST"))


@dataclass(frozen=True)
class Change:
    cls: str
    what: str
    before: object
    after: object

    def __str__(self):
        if self.before is None:
            return f"{self.cls}: new: {self.what}: {self.after}"
        if self.after is None:
            return f"{self.cls}: gone: {self.what}: {self.before}"
        return f"{self.cls}: changed: {self.what}: {self.before} -> {self.after}"


@dataclass
class Picture:
    target_pid: int
    state_dir: Path
    classes: dict


def take(target_pid, state_dir, only=None):
    """A picture now; `only`: the classes wanted."""
    members = proc.in_namespace("pid", proc.namespace(target_pid, "pid"))
    makers = {
        "target.processes": lambda: _processes(members),
        "target.mounts": lambda: {mount.id: mount.line for mount in proc.mounts(target_pid)},
        "target.descriptors": lambda: _descriptors(members),
        "target.files": lambda: _target_files(target_pid),
        "target.cgroups": lambda: _target_cgroups(target_pid),
        "target.network": lambda: _network(target_pid),
        "target.ipc": lambda: _ipc(target_pid),
        "host.mounts": _host_mounts,
        "host.namespaces": _namespaces,
        "host.processes": _host_processes,
        "host.cgroups": _host_cgroups,
        "host.state": lambda: _tree(Path(state_dir)),
        "host.keys": _keys,
    }
    return Picture(target_pid, Path(state_dir),
                   {name: makers[name]() for name in only or CLASSES})  # fmt: skip


def freed_late(key, old, new):
    """Whether the kernel only got around to something that was dying in the first picture."""
    return "dying" in str(key) and old is not None and new is not None and int(new) < int(old)


def diff(before, after):
    """Every difference of two pictures."""
    changes = []
    for name, old in before.classes.items():
        if SHARED_HOST and name in BUSY_HOST:
            continue
        new = after.classes[name]
        for key in sorted(old.keys() | new.keys(), key=str):
            if old.get(key) != new.get(key) and not freed_late(key, old.get(key), new.get(key)):
                changes.append(Change(name, str(key), old.get(key), new.get(key)))
    return changes


def changes_since(before, settle=SETTLE_SECONDS):
    """What differs from `before` still after `settle` seconds: the kernel frees namespaces, cgroups and
    keys a little after their last user is gone."""
    deadline = time.monotonic() + settle
    wanted = list(before.classes)
    while True:
        now = take(before.target_pid, before.state_dir, wanted)
        changes = diff(before, now)
        if not changes or time.monotonic() > deadline:
            return changes
        wanted_again = {change.cls for change in changes}
        before = Picture(before.target_pid, before.state_dir,
                         {name: before.classes[name] for name in wanted_again})  # fmt: skip
        wanted = list(wanted_again)
        time.sleep(0.05)


def explain(changes):
    return f"{len(changes)} changes:\n" + "\n".join(str(change)[:600] for change in changes[:40])


def _processes(members):
    # Running and sleeping come and go; stopped, traced and dead ones are what counts.
    return {
        member.inner_pid: (member.comm, member.parent, member.start_time, member.uids,
                           member.state if member.state in "ZTtX" else "alive")
        for member in members
    }  # fmt: skip


def _descriptors(members):
    found = {}
    for member in members:
        folder = f"/proc/{member.pid}/fd"
        try:
            for number in os.listdir(folder):
                found[member.inner_pid, number] = os.readlink(f"{folder}/{number}")
        except OSError:
            continue
    return found


def _target_files(pid):
    mounts = proc.mounts(pid)
    points = {mount.point for mount in mounts}
    found = {}
    for mount in mounts:
        if mount.kind in NOT_FILES:
            continue
        top = f"/proc/{pid}/root{mount.point.rstrip('/')}"
        if not os.path.isdir(top):
            continue
        inside = {point[len(mount.point.rstrip("/")) :] for point in points
                  if point != mount.point and point.startswith(mount.point.rstrip("/") + "/")}  # fmt: skip
        found[mount.point] = tree_walk.describe(top + "/")
        for path, about in tree_walk.walk(top, inside).items():
            found[mount.point.rstrip("/") + path] = about
    return found


def _target_cgroups(pid):
    found = {}
    for top in proc.cgroups(pid):
        if top in proc.hierarchies().values():
            continue  # not the target's own: a root, shared with everything
        for folder, _, files in os.walk(top):
            for name in EVENTS:
                if name in files:
                    found[f"{folder}/{name}"] = proc.read(f"{folder}/{name}")
            found[folder] = "cgroup"
    return found


def _run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    return done.stdout


TIME_WAIT = "06"  # include/net/tcp_states.h


def _sockets(pid):
    """Sockets of every family in the target's network namespace, without their timers and counters."""
    columns = {  # file: which columns identify and describe a socket
        "tcp": (1, 2, 3, 7, 9), "tcp6": (1, 2, 3, 7, 9), "udp": (1, 2, 3, 7, 9), "udp6": (1, 2, 3, 7, 9),
        "raw": (1, 2, 3, 7, 9), "raw6": (1, 2, 3, 7, 9), "icmp": (1, 2, 3, 7, 9),
        "packet": (2, 3, 4, 7, 8), "unix": (4, 5, 6, 7),
    }  # fmt: skip
    found = {}
    for name, wanted in columns.items():
        for line in (proc.read(f"/proc/{pid}/net/{name}") or "").splitlines()[1:]:
            words = line.split()
            if name.startswith("tcp") and words[3] == TIME_WAIT:
                continue  # without a process; SPEC.md 2 says that these stay for up to a minute
            picked = " ".join(words[column] for column in wanted if column < len(words))
            found[f"{name} socket {picked}"] = "open"
    return found


def _network(pid):
    inside = ("nsenter", "-t", str(pid), "-n")
    found = _sockets(pid)
    for what in (("addr",), ("route", "show", "table", "all"), ("rule",), ("neigh",)):
        for entry in json.loads(_run(*inside, "ip", "-j", *what) or "[]"):
            found[f"{what[0]} {json.dumps(entry, sort_keys=True)}"] = "there"
    for link in json.loads(_run(*inside, "ip", "-j", "-d", "link") or "[]"):
        found[f"link {link.get('ifname')}"] = json.dumps(link, sort_keys=True)
    for line in _run(*inside, "tc", "qdisc").splitlines():
        found[f"qdisc {line}"] = "there"
    found["nft ruleset"] = _run(*inside, "nft", "list", "ruleset")
    return found


def _ipc(pid):
    found = {}
    for kind, columns in (("shm", 8), ("sem", 8), ("msg", 11)):
        text = _run("nsenter", "-t", str(pid), "-i", "cat", f"/proc/sysvipc/{kind}")
        for line in text.splitlines()[1:]:
            words = line.split()
            found[f"{kind} {words[0]} id {words[1]}"] = " ".join(words[2:columns])
    script = "mount -t mqueue none /mnt && ls -A /mnt"
    listed = _run("nsenter", "-t", str(pid), "-i", "unshare", "-m", "sh", "-c", script)
    found.update({f"message queue {name}": "there" for name in listed.split()})
    return found


def _host_mounts():
    return {(pid, mount.id): mount.line for pid in ("1", "self") for mount in proc.mounts(pid)}


def _namespaces():
    found = {}
    for pid in proc.pids():
        if proc.is_dead(pid):  # of a zombie, which the host's init may leave for a while, only the user namespace shows
            continue
        for kind in proc.NAMESPACES:
            inode = proc.namespace(pid, kind)
            if inode:
                found[f"{kind}:[{inode}]"] = "in use"
    return found


def _host_processes():
    found = {}
    for pid in proc.pids():
        groups = proc.read(f"/proc/{pid}/cgroup") or ""
        try:
            program = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            program = ""
        ours = any(line.split(":", 2)[2].startswith("/recap") for line in groups.splitlines())
        about = proc.process(pid)
        if not about:
            continue
        # A zombie of init is gone but for init, which may take its time; nobody of ours can hurry it. Those in
        # another pid namespace are the target's processes, a class of their own.
        if about.state == "Z":  # it has no program and no cgroup any more
            ours = about.parent != 1 and about.inner_pid == pid and about.comm in OUR_PROCESSES
        elif "memfd:recap" in program or program.endswith("/recap-keeper"):
            ours = True
        if ours:
            found[pid] = (about.comm, about.state, program)
    return found


def _host_cgroups():
    found = {}
    for top in proc.hierarchies().values():
        for folder, _, _ in os.walk(top):
            found[folder] = "cgroup"
        for line in (proc.read(top / "cgroup.stat") or "").splitlines():
            if "dying" in line:
                name, number = line.split()
                found[f"{top}: {name}"] = number
    for line in (proc.read("/proc/cgroups") or "").splitlines():
        if not line.startswith("#"):
            name, _, number, _ = line.split()
            found[f"number of cgroups of {name}, dying ones included"] = number
    return found


def _tree(root):
    return {path: about[1:6] for path, about in tree_walk.walk(str(root), set()).items()}


def _keys():
    lines = (proc.read("/proc/key-users") or "").splitlines()
    return {line.split(":")[0].strip(): "has keys" for line in lines}
