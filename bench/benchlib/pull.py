# SPDX-License-Identifier: Apache-2.0
"""The first pull and run of an image, ours beside podman's: both from one registry on the loopback interface, each into
an empty store on the same ext4, in alternation. Both stores are emptied between rounds, which is not measured. The
registry's files are in the page cache. Ours attaches to a process; podman makes a container."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import rebuild, world
from .measure import p50
from .world import find_recap, host, images, program

import testlib.registry  # noqa: E402  (world.py has put tests/ on the path)
from testlib import runtimes  # noqa: E402

BUDGET = 1.0


def pictures(work):
    """Title → image: a function's size, and a distribution's with small layers on it."""
    busybox, nginx = images.get("busybox"), images.get("lean-nginx")
    large = images.Image("large", work / "large.tar", {"Cmd": ["/bin/true"]})
    archive = large.tar.with_suffix(".oci.tar")
    large.tar.touch()
    images.write_oci_archive(archive, [rebuild.base()[0], nginx.tar, busybox.tar], large.config, large.reference)
    return {"small": busybox, "large": large}


class Pull:
    def __init__(self, work, registry, recap):
        self.work, self.recap = work, recap
        self.env = {**os.environ, "HOME": registry.home, "RECAP_STATE_DIR": str(work / "state"),
                    "RECAP_DATA_DIR": str(work / "data/recap")}  # fmt: skip
        self.podman = [program("podman"), "--root", work / "data/podman", "--runroot", work / "run", "--tmpdir",
                       work / "tmp", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
                       "--log-level", "error", "--storage-driver", "overlay"]  # fmt: skip

    def timed(self, argv):
        os.sync()  # what the round before still writes
        began = time.monotonic()
        host.run(*argv, env=self.env, timeout=300)
        return time.monotonic() - began

    def recap_once(self, reference, target):
        try:
            return self.timed([self.recap, "run", "-q", "--share", "none", reference, target, "--", "/bin/true"])
        finally:
            shutil.rmtree(self.work / "data/recap", ignore_errors=True)

    def podman_once(self, reference):
        limits = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096"]
        flags = ["run", "--rm", "-q", "--network", "none", *limits, reference, "/bin/true"]
        try:
            return self.timed([*self.podman, *flags])
        finally:
            host.run(*self.podman, "system", "reset", "--force", env=self.env)
            for place in ("data/podman", "run", "tmp"):
                shutil.rmtree(self.work / place, ignore_errors=True)


def measure(options, say):
    recap, found = find_recap(), {}
    work = Path(tempfile.mkdtemp(prefix="recap-bench-", dir="/run"))
    try:
        world.ordinary_disk(work)
        (work / "registry").mkdir()
        with contextlib.ExitStack() as stack:
            registry = stack.enter_context(testlib.registry.start(work / "registry"))
            target = stack.enter_context(runtimes.process(["sleep", "3600"]))
            pull = Pull(work, registry, recap)
            for size, image in pictures(work).items():
                reference = registry.push(image, f"bench/{size}:1", preserve=False)
                say(f"bench: {options.runs} rounds of the {size} image …")
                ours, podmans = [], []
                for _ in range(options.runs):
                    ours.append(pull.recap_once(reference, target.reference))
                    podmans.append(pull.podman_once(reference))
                found |= {f"{size}_recap_s_p50": round(p50(ours), 3), f"{size}_podman_s_p50": round(p50(podmans), 3),
                          f"{size}_recap_vs_podman": round(p50(ours) / p50(podmans), 2)}  # fmt: skip
    finally:
        subprocess.run(["umount", "--quiet", work / "data"], check=False)
        host.clean(work)
    found["recap_vs_podman"] = max(found["small_recap_vs_podman"], found["large_recap_vs_podman"])
    return found


def budget_lines(found):
    ratio = found["recap_vs_podman"]
    text = f"first pull and run to podman's, the worse of two images: {ratio:.2f} (budget ≤ {BUDGET})"
    return [(text, ratio <= BUDGET)]
