# SPDX-License-Identifier: Apache-2.0
"""A host with many mounts: a busy node has a thousand, and whoever copies its mount table pays for each."""

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

MS_BIND, MS_PRIVATE = 0x1000, 1 << 18
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def count():
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def _mount(source, target, kind, flags):
    arguments = [os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), None]
    if _libc.mount(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {target}: {os.strerror(code)}")


@contextlib.contextmanager
def extra(number, below):
    """`number` more mounts in this mount namespace, below a private tmpfs; gone afterwards.

    They are made in the namespace that RECap is started from and returns to, the host's, because
    mounts elsewhere would prove nothing about it.
    """
    below.mkdir()
    _mount("recap-bench", below, b"tmpfs", 0)
    try:
        _mount("none", below, None, MS_PRIVATE)
        for index in range(number - 1):
            directory = below / str(index)
            directory.mkdir()
            _mount(directory, directory, None, MS_BIND)
        yield
    finally:
        # One detach takes the whole tree along.
        _libc.umount2(os.fsencode(below), MNT_DETACH)
        subprocess.run(["rmdir", below], check=True)
