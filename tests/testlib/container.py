# SPDX-License-Identifier: Apache-2.0
"""A running container of any runtime, as the tests see it."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field


@dataclass
class Options:
    """What `run` takes; see runtimes.py."""

    command: list | None = None
    user: str | None = None
    capabilities: list | None = None
    read_only: bool = False
    no_new_privileges: bool = False
    network: str = "none"
    pid: str = "private"
    ipc: str = "private"
    volumes: list = field(default_factory=list)
    tmpfs: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    annotations: dict = field(default_factory=dict)
    memory: int = 0
    pids: int = 0
    user_namespace: bool = False
    privileged: bool = False
    hostname: str | None = None


class Container:
    def __init__(self, runtime, id, name, pid, reference, exec_argv=(), remove=None):
        self.runtime, self.id, self.name, self.pid, self.reference = runtime, id, name, pid, reference
        self._exec_argv, self._remove = list(exec_argv), remove
        self._pidfd = os.pidfd_open(pid)

    def __repr__(self):
        return f"<{self.reference} pid {self.pid}>"

    def alive(self):
        return not self.wait(timeout=0)

    def wait(self, timeout):
        """True once the container's first process has ended, False when it still runs after `timeout` s."""
        import select

        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        return bool(poller.poll(timeout * 1000))

    def kill(self, number=signal.SIGKILL):
        """Signals the container's first process, and no other that took its pid."""
        signal.pidfd_send_signal(self._pidfd, number)

    def exec(self, *argv, **options):
        """The runtime's own exec of a program in the container."""
        options = {"capture_output": True, "text": True, "timeout": 30, **options}
        return subprocess.run([*self._exec_argv, *argv], **options)

    def in_network(self, *argv, **options):
        """A program of the host in the container's network namespace."""
        options = {"capture_output": True, "text": True, "timeout": 30, **options}
        return subprocess.run(["nsenter", "-t", str(self.pid), "-n", *argv], **options)

    def http(self, path="/", port=80, timeout=10):
        """The body of a real HTTP request from inside its network namespace; waits for the server."""
        deadline = time.monotonic() + timeout
        while True:
            url = f"http://127.0.0.1:{port}{path}"
            answer = self.in_network("curl", "-sS", "--noproxy", "*", "--fail", "-m", "5", url)
            if answer.returncode == 0:
                return answer.stdout
            if answer.returncode != 7 or time.monotonic() > deadline:
                raise RuntimeError(f"{url} in {self}: {answer.stderr.strip()}")
            time.sleep(0.02)

    def remove(self):
        """Kills and removes the container; nothing happens the second time."""
        if self._remove is not None:
            remove, self._remove = self._remove, None
            remove()
            os.close(self._pidfd)
