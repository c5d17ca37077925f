# SPDX-License-Identifier: Apache-2.0
"""System calls that fail as the kernel may have them fail: strace answers in its stead."""

import contextlib
import subprocess

from . import proc
from .waiting import until


@contextlib.contextmanager
def traced(pid, log, calls, *words):
    """Writes a process' `calls` to `log` until the block ends."""
    tracer = subprocess.Popen(["strace", "-qq", "-p", str(pid), "-o", log, "-e", f"trace={calls}", *words])
    try:
        until(lambda: (proc.status(pid) or {}).get("TracerPid", "0") != "0" or tracer.poll() is not None)
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def failing(pid, log, call, how, below=()):
    """Has a process' `call` fail, for instance failing(pid, log, "accept4", "error=EMFILE:when=1+"), until the
    block ends; where `below` is given, only on these paths and descriptors."""
    return traced(pid, log, call, "-e", f"inject={call}:{how}", *(word for path in below for word in ("-P", path)))


def keeper_of(recap, run):
    return int((recap.state / "runs" / run / "pid").read_text().split()[0])


@contextlib.contextmanager
def waiting_keeper(recap, words, log):
    """`recap WORDS`, held up for a second before it tells its keeper what to run; yields both."""
    tracer = subprocess.Popen(["strace", "-qq", "-o", log, "-e", "trace=sendmsg",
                               "-e", "inject=sendmsg:delay_enter=1s:when=1", str(recap.program), *map(str, words)],
                              env=recap.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        keeper = until(lambda: [each for each in proc.children(tracer.pid) if each.comm == "recap-keeper"] or None)
        yield tracer, keeper[0].pid
    finally:
        if tracer.poll() is None:
            tracer.kill()
        tracer.communicate()
