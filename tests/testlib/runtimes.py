# SPDX-License-Identifier: Apache-2.0
"""Real container runtimes for tests, the demo and the benchmark: start one, run containers, leave nothing.

    from testlib import images, runtimes

    image = images.get("lean-nginx")                  # built once, cached (see images.py)
    with runtimes.docker() as docker:                 # a private dockerd: own socket, data and exec root
        web = docker.run(image, name="web")           # waits until it runs; -> Container
        web.pid, web.id, web.name, web.reference      # reference is what `recap run` takes
        web.http("/")                                 # real HTTP from inside its network namespace
        web.exec("true")                              # the runtime's own exec -> CompletedProcess
        web.alive(); web.kill(); web.wait(timeout=5)
        docker.env                                    # environment for the runtime's and recap's CLI
        docker.roots                                  # {"docker": socket, "oci": runc's state, "containerd": bundles}
        host.recap_variables(docker.roots)            # the same as recap takes it: {"RECAP_OCI_ROOTS": …}

    with runtimes.runc() as rt: ...                   # also crun(), podman(), containerd()
    with runtimes.start("crun") as rt: ...            # by name; runtimes.ALL lists them
    with runtimes.process(["sleep", "100"]) as p: ... # a plain process: reference "pid:N"

Every runtime has the same `run(image, name=None, **options)`. Options (all optional):
    command=[...]          instead of the image's
    user="65532:65532"     capabilities=["NET_RAW"] (exactly these; None: the runtime's default; []: none)
    read_only=True         no_new_privileges=True
    network="none"|"host"  pid="private"|"host"        ipc="private"|"host"
    volumes=[(host_path, path, "ro"|"rw"|"bind")]      tmpfs=["/tmp"]
    env={"A": "b"}         labels={...}                annotations={...} (runc, crun, containerd)
    memory=64 << 20        pids=100                    user_namespace=True (runc, crun: root is uid 100000)
    privileged=True        hostname="web"

Leaving the `with` kills the containers, stops the daemon, unmounts and removes cgroups and files, and
then raises Residue when a mount, process or cgroup of the runtime is still there.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import host
from .container import Container
from .daemons import Containerd, Docker, Podman
from .oci import OciRuntime

ALL = ("docker", "podman", "containerd", "runc", "crun")
_CLASSES = {
    "docker": Docker,
    "podman": Podman,
    "containerd": Containerd,
    "runc": lambda work: OciRuntime("runc", work),
    "crun": lambda work: OciRuntime("crun", work),
}


class Residue(AssertionError):
    """Something of a runtime is still there after its end."""


@contextlib.contextmanager
def start(name):
    """A runtime by name, private to the caller; see the module's text."""
    # Short and below /run: unix socket paths end at 108 bytes, and runtime state belongs on tmpfs or like it.
    work = Path(tempfile.mkdtemp(prefix=f"recap-test-{name}-", dir="/run"))
    runtime = _CLASSES[name](work)
    try:
        runtime.start()
        yield runtime
    finally:
        try:
            runtime.stop()
        finally:
            left = host.clean(work)
    if left:
        raise Residue(f"{name} left: " + "; ".join(left))


def docker():
    return start("docker")


def podman():
    return start("podman")


def containerd():
    return start("containerd")


def runc():
    return start("runc")


def crun():
    return start("crun")


@contextlib.contextmanager
def process(argv, **popen_options):
    """A plain process as a target."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **popen_options)
    container = Container("process", "", f"pid:{child.pid}", child.pid, f"pid:{child.pid}")
    try:
        yield container
    finally:
        child.kill()
        child.wait()


def available(name):
    """Whether the programs a runtime needs are installed."""
    needed = {"docker": ["dockerd", "docker"], "containerd": ["containerd", "ctr"]}.get(name, [name])
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return all(shutil.which(program, path=path) for program in needed)
