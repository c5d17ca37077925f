# SPDX-License-Identifier: Apache-2.0
"""SPEC: never another process by pid reuse. A container has ended, its runtime has not noticed, and its pid
belongs to somebody else, who may even sit in the container's own cgroups."""

import ctypes
import errno
import os
import signal
import subprocess
import time

import pytest

from testlib import proc, snapshot

CLONE3 = 435
_python = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, which the child needs


class CloneArgs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls",
                 "set_tid", "set_tid_size", "cgroup")]  # fmt: skip


def start_as(pid, *argv):
    """A process with a given number, which is free."""
    number = ctypes.c_int(pid)
    arguments = CloneArgs(exit_signal=signal.SIGCHLD, set_tid=ctypes.addressof(number), set_tid_size=1)
    got = _python.syscall(CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if got == 0:
        try:
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    assert got == pid, errno.errorcode[ctypes.get_errno()]


@pytest.fixture
def impostor(recap, toolbox, target):
    """A process with the pid of this test's target, which is dead; yields the target's cgroups."""
    assert recap.run(toolbox, target, "true").returncode == 0
    groups = proc.cgroups(target.pid)
    target.kill()
    assert os.waitpid(target.pid, 0)[0] == target.pid
    time.sleep(0.02)  # start times are counted in hundredths of a second
    start_as(target.pid, "sleep", "8100")
    yield groups
    os.kill(target.pid, signal.SIGKILL)
    os.waitpid(target.pid, 0)


@pytest.mark.parametrize("where", ["elsewhere", "in the container's cgroups"])
def test_another_process_with_the_targets_pid_is_refused(recap, toolbox, target, impostor, where):
    if where != "elsewhere":
        tops = set(proc.hierarchies().values())
        for group in impostor:
            if group not in tops:
                (group / "cgroup.procs").write_text(str(target.pid))
    before = snapshot.take(target.pid, recap.state, ["host.cgroups", "host.processes", "host.state"])
    # The flag: what lives in the host's namespaces would be refused for that alone.
    done = recap.run(toolbox, target, "cat", "/proc/1/cmdline", flags=["--allow-host-namespaces"])
    assert done.returncode == 125 and done.stdout == b"" and done.stderr.count(b"\n") == 1, done
    assert b"belongs to another process" in done.stderr, done
    assert proc.running("sleep", "8100") == [target.pid]
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def test_no_process_of_a_run_is_killed_by_its_number(recap, toolbox, target, tmp_path):
    """A number that was read from a cgroup may be another process' by the time it is used."""
    log = tmp_path / "log"
    words = recap.run_words(toolbox, target, "sh", "-c", "trap '' TERM; for i in 1 2 3; do sleep 8105 & done; wait",
                            flags=["--timeout", "1s", "--grace", "100ms"])  # fmt: skip
    tracer = ["strace", "-f", "-o", log, "-e", "trace=kill,tkill,tgkill,pidfd_send_signal,exit_group"]
    done = subprocess.run([*map(str, tracer), recap.program, *map(str, words)], env=recap.env, timeout=60)
    assert done.returncode == 124, done
    calls = [line for line in log.read_text().splitlines() if "SIGKILL" in line]
    assert not [line for line in calls if " kill(" in line], calls
