# SPDX-License-Identifier: Apache-2.0
"""What a reader must know of the machine to judge the numbers, and what would make them worthless."""

import os
import platform
import re
import subprocess
from pathlib import Path

from . import mounts


def _first_line(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
    except OSError:
        return "not installed"
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout else "unknown"


def _cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _cgroups():
    kinds = [line.split()[2] for line in Path("/proc/self/mounts").read_text().splitlines()]
    old, new = "cgroup" in kinds, "cgroup2" in kinds
    return "hybrid (v1 controllers)" if old and new else "v2" if new else "v1"


def host(recap):
    flags = re.search(r"^flags.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.M)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "kernel": platform.release().partition("-")[0],
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "virtual": bool(flags),
        "memory_gib": round(pages / 2**30, 1),
        "cgroups": _cgroups(),
        "mounts": mounts.count(),
        "load": os.getloadavg()[0],
        "docker": _first_line("docker", "--version"),
        "runc": _first_line("runc", "--version"),
        "nsenter": _first_line("nsenter", "--version"),
        "buildah": _first_line("buildah", "--version"),
        "recap": _first_line(recap, "version"),
    }


def warnings():
    """Reasons to distrust the numbers."""
    found = []
    log = subprocess.run(["dmesg"], capture_output=True, text=True).stdout
    mounted = Path("/proc/self/mounts").read_text()
    if re.search(r"per.threadgroup rwsem|favordynmods", log) or "favordynmods" in mounted:
        found.append(
            "this kernel was switched to `favordynmods`: moving processes between cgroups costs almost nothing, "
            "which flatters every runtime; reboot before measuring"
        )
    if os.getloadavg()[0] > os.cpu_count() / 2:
        found.append(f"the machine is busy (load {os.getloadavg()[0]:.1f}): p99 above all is not RECap's")
    return found
