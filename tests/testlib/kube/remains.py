# SPDX-License-Identifier: Apache-2.0
"""What a test cluster makes on the host, and how that is undone: also by somebody else, when the process
that made it was killed."""

import contextlib
import json
import os
import shutil
from pathlib import Path

from testlib import host

PREFIX = "recap-cluster-"
# Directories of kubelet's and libcni's own choice that no option moves.
FIXED_PATHS = ("/var/lib/kubelet", "/var/log/containers", "/var/lib/cni", "/var/run/netns",
               "/usr/libexec/kubernetes")  # fmt: skip
CNI_CACHE = Path("/var/lib/cni")
POD_LOGS = Path("/var/log/containers")


def note(work, bridge):
    """Writes down, in the cluster's directory, what `remove` has to know."""
    theirs = {path for other in _others(work) for path in other["absent"]}
    absent = [path for path in FIXED_PATHS if path in theirs or not Path(path).exists()]
    (work / "owner.json").write_text(json.dumps({"owner": _identity(os.getpid()), "bridge": bridge, "absent": absent}))


def remove(work):
    """Kills, unmounts and deletes what is there of a cluster; returns what resisted, as text."""
    try:
        noted = json.loads((work / "owner.json").read_text())
    except (OSError, ValueError):
        noted = {"bridge": None, "absent": []}
    containers, sockets = _bundles(work)
    left = host.clean(work)
    if noted["bridge"]:
        left += _remove_interfaces(noted["bridge"])
    for entry in CNI_CACHE.glob("*/*"):  # libcni's notes have the container's id in their names
        if any(id in entry.name for id in containers):
            entry.unlink(missing_ok=True)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    if POD_LOGS.is_dir():
        for link in POD_LOGS.iterdir():
            if link.is_symlink() and f"{work}/" in os.readlink(link):
                link.unlink()
    # The last of the clusters removes what they all use.
    for path in map(Path, [] if _others(work) else noted["absent"]):
        if path.exists() and not any(each.is_file() and not each.is_symlink() for each in path.rglob("*")):
            shutil.rmtree(path)
    return left


def _others(work):
    """The notes of the other clusters that live."""
    found = []
    for path in Path("/run").glob(f"{PREFIX}*/owner.json"):
        with contextlib.suppress(OSError, ValueError):
            noted = json.loads(path.read_text())
            if path.parent != work and _lives(noted["owner"]):
                found.append(noted)
    return found


def _bundles(work):
    """The ids of the containers that there are, and the sockets of their shims, outside of `work`."""
    found = list(work.glob("node*/run/io.containerd.runtime.v2.task/k8s.io/*"))
    addresses = [(bundle / "address").read_text() for bundle in found if (bundle / "address").exists()]
    return [bundle.name for bundle in found], {Path(text.removeprefix("unix://")) for text in addresses}


def sweep():
    """Removes the clusters whose makers are dead."""
    for work in Path("/run").glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if not _lives(json.loads((work / "owner.json").read_text())["owner"]):
                remove(work)


def _identity(pid):
    """A process for as long as the machine runs: its pid and start time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [pid, fields[19]]


def _lives(owner):
    try:
        return _identity(owner[0]) == owner
    except OSError:
        return False


def interfaces(bridge):
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    return [name for name in names if name == bridge or name.startswith(f"{bridge}p")]


def _remove_interfaces(bridge):
    for name in interfaces(bridge):
        with contextlib.suppress(host.Failed):
            host.run("ip", "link", "delete", name)
    return [f"interface {name}" for name in interfaces(bridge)]
