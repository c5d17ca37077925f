# SPDX-License-Identifier: Apache-2.0
"""Talks to bench/spawn.c, which starts the measured programs and takes their times."""

import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]


class Failed(RuntimeError):
    """A measured command did not do what it was measured for."""


@dataclass(frozen=True)
class Sample:
    """One run: nanoseconds of CLOCK_MONOTONIC, the wait status, and what was written."""

    start: int
    end: int
    status: int
    out: bytes
    err: bytes

    @property
    def total_ms(self):
        """From before the spawn until the caller has been waited for: the paper's f_latency."""
        return (self.end - self.start) / 1e6

    @property
    def attach_ms(self):
        """From before the spawn until the probe's first instruction."""
        return (int(self.out) - self.start) / 1e6


def compile_tools(directory):
    """Builds the launcher and the probe; returns their paths."""
    spawn, probe = directory / "spawn", directory / "probe"
    compiler = os.environ.get("CC", "cc")
    common = [compiler, "-O2", "-Wall", "-Wextra", "-static"]
    subprocess.run([*common, "-o", spawn, SOURCE / "spawn.c"], check=True)
    bare = ["-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Wl,--build-id=none", "-s"]
    subprocess.run([*common, *bare, "-o", probe, SOURCE / "probe.c"], check=True)
    return spawn, probe


class Launcher:
    def __init__(self, program, env):
        self._child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    @property
    def pid(self):
        return self._child.pid

    def run(self, argv):
        words = b"".join(os.fsencode(word) + b"\0" for word in argv)
        self._child.stdin.write(struct.pack("=I", len(words)) + words)
        self._child.stdin.flush()
        head = self._child.stdout.readline().split()
        if len(head) != 5:
            raise Failed("the launcher died")
        start, end, status, out_size, err_size = map(int, head)
        out, err = self._child.stdout.read(out_size), self._child.stdout.read(err_size)
        return Sample(start, end, status, out, err)

    def close(self):
        self._child.stdin.close()
        self._child.wait()
