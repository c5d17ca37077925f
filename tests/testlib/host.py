# SPDX-License-Identifier: Apache-2.0
"""What the tests do to the host they run on, and how they undo it: processes, mounts, cgroups."""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(RuntimeError):
    """A program the tests rely on ended with an error."""


def run(*argv, check=True, timeout=60, **options):
    """Runs a program to its end; its stdout is returned, its stderr is the message when it fails."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **options}
    done = subprocess.run([str(word) for word in argv], timeout=timeout, **options)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, argv))}: exit {done.returncode}: {(done.stderr or '').strip()[-2000:]}")
    return done.stdout


def wait_for(condition, what, timeout=20):
    """Polls until `condition()` is true and returns its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"no {what} within {timeout} s")
        time.sleep(0.02)
    return value


def recap_variables(roots):
    """What tells recap where a runtime keeps its state, and that there is no other runtime."""
    names = {
        "docker": "RECAP_DOCKER_SOCKET",
        "podman": "RECAP_PODMAN_SOCKET",
        "oci": "RECAP_OCI_ROOTS",
        "containerd": "RECAP_CONTAINERD_ROOTS",
        "podman_storage": "RECAP_PODMAN_STORAGE",
    }
    return {variable: str(roots.get(name, "")) for name, variable in names.items()}


class Daemon:
    """A daemon with its log in a file, ended by SIGTERM and, if that does not help, SIGKILL."""

    def __init__(self, argv, log, env=None):
        self.log = Path(log)
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def check(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.child.args[0]} ended: {self.log.read_text()[-2000:]}")
        return True

    def stop(self, timeout=15):
        self.child.terminate()
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def processes_naming(text):
    """Pids whose command line names `text` (a directory of mkdtemp, so nobody else's)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def mounts_below(directory):
    """Mount points at or below `directory`, deepest first."""
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point == str(directory) or point.startswith(f"{directory}/"):
            points.append(point)
    return points[::-1]


def cgroups_named(name):
    """The cgroups that a runtime made below its own parent, in every hierarchy, deepest first."""
    roots = [CGROUP, *(child for child in CGROUP.iterdir() if child.is_dir())]
    found = set()
    for root in roots:
        top = root / name
        if top.is_dir():
            found.update(Path(path) for path, _, _ in os.walk(top))
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def kill(pid):
    """SIGKILLs a process and waits until it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        poller.poll(5000)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def clean(work):
    """Removes what a runtime under `work` left; returns what resisted, as text."""
    left = []
    for pid in processes_naming(str(work)):
        kill(pid)
    for point in mounts_below(work):
        _libc.umount2(point.encode(), MNT_DETACH)
    for directory in cgroups_named(work.name):
        try:
            _remove_cgroup(directory)
        except OSError as error:
            left.append(f"cgroup {directory}: {error.strerror}")
    left += [f"process {pid}" for pid in processes_naming(str(work))]
    left += [f"mount {point}" for point in mounts_below(work)]
    if not mounts_below(work):
        shutil.rmtree(work, ignore_errors=True)
        if work.exists():
            left.append(f"directory {work}")
    return left


def _remove_cgroup(directory):
    # A task that just died still counts in its cgroup for a moment.
    for attempt in range(50):
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if attempt == 0:
                for pid in (directory / "cgroup.procs").read_text().split():
                    kill(int(pid))
            if attempt == 49:
                raise
            time.sleep(0.02)
