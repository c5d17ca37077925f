# SPDX-License-Identifier: Apache-2.0
"""What a target has in its own root, and mounts there, as its root could."""

import subprocess
import sys
from pathlib import Path

MOUNT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
namespace = os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY)
assert libc.setns(namespace, 0x20000) == 0
for kind, point in zip(sys.argv[2::2], sys.argv[3::2]):
    os.makedirs(point, exist_ok=True)
    failed = libc.mount(kind.encode(), point.encode(), kind.encode(), 0, None)
    assert failed == 0, (kind, point, os.strerror(ctypes.get_errno()))
"""


def mount_inside(target, *kinds_and_points):
    subprocess.run([sys.executable, "-c", MOUNT, str(target.pid), *kinds_and_points], check=True)


def root_of(target):
    return Path(f"/proc/{target.pid}/root")
