# SPDX-License-Identifier: Apache-2.0
"""What the comparison runs on: a private dockerd with one lean target container, the probe as a
Capsule image in a private store, and the command line of every way to run the probe there."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from testlib import host, images, runtimes  # noqa: E402, F401

from . import launcher  # noqa: E402
from .measure import Row  # noqa: E402

TARGET = "bench-target"
PROBE = "recap.test/bench-probe:latest"


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise SystemExit(f"bench: {name} is not installed; `./test bench` installs what is needed")
    return path


def find_recap():
    """The program to measure: $RECAP_BIN, else that of $RECAP_BUILD_DIR, else the newest below build/."""
    if os.environ.get("RECAP_BIN"):
        return os.environ["RECAP_BIN"]
    directories = [Path(os.environ.get("RECAP_BUILD_DIR") or "/none"), *(ROOT / "build").glob("*")]
    if (directories[0] / "src/main/recap").exists():
        return str(directories[0] / "src/main/recap")
    built = [p / "src/main/recap" for p in directories if os.access(p / "src/main/recap", os.X_OK)]
    if not built:
        raise SystemExit("bench: no recap below build/; build it (cmake --preset release) or set RECAP_BIN")
    return str(max(built, key=lambda path: path.stat().st_mtime))


class World:
    def __init__(self, work, state, docker, recap):
        self.work, self.docker, self.recap = work, docker, recap
        self.spawn, self.probe = launcher.compile_tools(work)
        root = work / "root"
        root.mkdir()
        shutil.copy(self.probe, root / "probe")
        for name in ("proc", "sys", "dev", "etc", "tmp"):
            (root / name).mkdir()
        for name in ("resolv.conf", "hosts", "hostname"):
            (root / "etc" / name).touch()
        self.image = images.from_root(root, "bench-probe", {"Cmd": ["/probe"]}, work)
        self.target = docker.run(self.image, name=TARGET, command=["/probe", "idle"])
        self.env = {
            **os.environ,
            **docker.env,
            "RECAP_STATE_DIR": str(state / "state"),
            "RECAP_DATA_DIR": str(work / "data" / "recap"),
            "RECAP_OCI_ROOTS": docker.roots["oci"],
        }

    def prepare_recap(self):
        """Once, before anything is measured: the Capsule image goes into the store."""
        host.run(self.recap, "import", "--name", PROBE, self.image.oci_archive, env=self.env)

    def launcher(self):
        return contextlib.closing(launcher.Launcher(self.spawn, self.env))

    def recap_argv(self, target, *flags):
        """Everything on: four namespaces, a capability, and what every run has."""
        share = ["--share", "net,pid,ipc,uts", "--cap", "NET_RAW"]
        return [self.recap, "run", "--quiet", *share, *flags, PROBE, target]

    def process_rows(self):
        """What takes milliseconds and has no daemon behind it."""
        pid = str(self.target.pid)
        enter = [program("nsenter"), "-t", pid, "-n", "-i", "-u", "-p", str(self.probe)]
        return [
            Row("true", "spawn `true`", [program("true")], stamped=False),
            Row("nsenter", "nsenter -t P -n -i -u -p", enter),
            Row("recap_pid", "recap run … pid:P", self.recap_argv(f"pid:{pid}")),
            Row("recap_name", "recap run … NAME", self.recap_argv(TARGET)),
        ]

    def runtime_rows(self):
        """The runtimes' own ways, with ours by name and nsenter again beside them."""
        docker = [program("docker")]
        runc = [program("runc"), "--root", self.docker.roots["oci"]]
        joined = [f"--pid=container:{TARGET}", f"--network=container:{TARGET}"]
        image = f"{self.image.name}:latest"
        ours = {row.name: row for row in self.process_rows()}
        return [
            ours["true"],
            ours["nsenter"],
            ours["recap_name"],
            Row("runc_exec", "runc exec", [*runc, "exec", self.target.id, "/probe"], settle_s=0.02),
            Row("docker_exec", "docker exec", [*docker, "exec", TARGET, "/probe"], settle_s=0.05),
            Row("docker_run", "docker run --rm --pid/--network container:",
                [*docker, "run", "--rm", *joined, image, "/probe"], settle_s=0.15),
        ]  # fmt: skip


def ordinary_disk(work):
    """The data directory on a fresh ext4 with a journal, as /var/lib usually is.

    Test machines save on exactly that: without a journal ext4 searches long for an inode that was
    not deleted lately, and mounted with `discard` it is slow to give back blocks.
    """
    (work / "data").mkdir()
    image = work / "data.img"
    host.run("truncate", "--size=2G", image)
    host.run(program("mkfs.ext4"), "-q", image)
    try:
        host.run("mount", "-o", "loop", image, work / "data")
    except host.Failed:
        print("bench: no loop device: the records are on whatever disk /run is", file=sys.stderr)
    (work / "data" / "recap").mkdir(mode=0o700)


@contextlib.contextmanager
def world():
    """A World; afterwards nothing of it is left."""
    if os.geteuid() != 0:
        raise SystemExit("bench: run it as root, like recap itself")
    recap = find_recap()
    work = Path(tempfile.mkdtemp(prefix="recap-bench-", dir="/run"))
    # A run's state is in /run, which is a tmpfs wherever systemd runs; so it is here.
    memory = "/run" if host.run("stat", "-f", "-c", "%T", "/run").strip() == "tmpfs" else "/dev/shm"
    state = Path(tempfile.mkdtemp(prefix="recap-bench-", dir=memory))
    try:
        ordinary_disk(work)
        with runtimes.docker() as docker:
            yield World(work, state, docker, recap)
    finally:
        subprocess.run(["umount", "--quiet", work / "data"], check=False)
        left = host.clean(work) + host.clean(state)
    if left:
        raise SystemExit("bench: left behind: " + "; ".join(left))
