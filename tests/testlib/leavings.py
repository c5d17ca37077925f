# SPDX-License-Identifier: Apache-2.0
"""What a test session may have left on the host: processes, mounts, cgroups, live runs."""

import os
import time
from pathlib import Path

from . import host, proc


def _processes_with(variable):
    """Processes whose environment names this session's directories: recap, and what it started."""
    found = []
    for pid in proc.pids():
        if pid == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if variable.encode() in environment:
            about = proc.process(pid)
            if about and about.state != "Z":
                found.append(f"process {pid} ({about.comm})")
    return found


def of(work):
    """Lines that name what is there of the session with this work directory."""
    found = _processes_with(str(work))
    found += [f"process {pid}" for pid in host.processes_naming(str(work))]
    found += [f"mount {point}" for point in host.mounts_below(work)]
    runs = work / "state/runs"
    if runs.exists():
        found += [f"run {path.name}" for path in runs.iterdir()]
    # Each run leaves a record, and its cgroups had its name.
    records = work / "data/records"
    ours = {path.name for path in records.iterdir()} if records.exists() else set()
    for top in proc.hierarchies().values():
        if (top / "recap").is_dir():
            found += [f"cgroup {path}" for path in (top / "recap").iterdir() if path.name in ours]
    return found


def since(before, work, seconds=5):
    """What is there now and was not before, after what is on its way out is gone."""
    deadline = time.monotonic() + seconds
    while True:
        found = [line for line in of(work) if line not in before]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
