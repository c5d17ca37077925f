# SPDX-License-Identifier: Apache-2.0
"""What tests attach to and with: a lean target, and a Capsule image with real tools of this host.

The catalogue's own images are for tests/e2e; these take a second to make and no package manager."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import images

PROGRAMS = Path(__file__).resolve().parent / "programs"
INSIDE = Path(__file__).resolve().parent / "inside"  # what runs in a Capsule, there as /lab/NAME
TOOLS = ("strace", "tcpdump", "ps", "ls", "id", "ip", "python3.11")
BUSYBOX_NAMES = ("sh", "sleep", "true", "false", "cat", "echo", "head", "wc", "kill", "mount", "touch", "mkdir",
                 "rm", "find", "dd", "stat", "ipcs", "env", "pwd", "yes", "seq", "grep", "ps.busybox", "setsid",
                 "nc", "mkfifo", "md5sum", "sync", "printf", "test", "chmod", "chown", "mv", "cp", "ln", "tty",
                 "stty", "trap", "killall", "date", "hostname", "ipcrm", "vi", "top", "sha256sum", "readlink",
                 "nproc", "tail", "usleep", "sort", "tr", "cut", "awk", "sed", "uname", "df", "od")  # fmt: skip


def compile_static(source, into):
    """A static program from tests/testlib/programs: a lean target has no libraries."""
    into.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-std=gnu17", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-o", into, PROGRAMS / source], check=True)  # fmt: skip
    return into


def lean_root(root):
    """A target's root: two static programs and some data; no shell, no library."""
    compile_static("pause.c", root / "pause")
    compile_static("probe.c", root / "probe")
    for folder in ("etc", "data/deep", "var/log", "tmp"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/:/pause\napp:x:65532:65532::/:/pause\n")
    (root / "etc/app.conf").write_text("answer = 42\n")
    (root / "data/deep/file").write_text("a file of the target\n")
    (root / "data/link").symlink_to("deep/file")
    (root / "data/secret").write_text("root only\n")
    (root / "data/secret").chmod(0o600)
    os.setxattr(root / "data/deep/file", "user.note", b"kept")
    for path in [root, *root.rglob("*")]:
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)
    return root


def _libraries(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/[^\s:]+)", listed)


def _copy(source, root, name=None):
    place = root / (name or source.lstrip("/"))
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(os.path.realpath(source), place)


def toolbox_root(root):
    """A Capsule's root: busybox and some dynamic programs of this host with their libraries."""
    for folder in ("bin", "etc", "tmp", "usr/bin", "usr/lib", "root"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "lib").symlink_to("usr/lib")
    (root / "lib64").symlink_to("usr/lib64")
    (root / "usr/lib64").mkdir()
    shutil.copy2(shutil.which("busybox"), root / "bin/busybox")
    for name in BUSYBOX_NAMES:
        (root / "bin" / name).symlink_to("busybox")
    for tool in TOOLS:
        program = shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin")
        _copy(program, root, f"usr/bin/{tool}")
        for library in _libraries(program):
            inner = library.lstrip("/")
            _copy(library, root, inner if inner.startswith("usr") else f"usr/{inner}")
    os.symlink("python3.11", root / "usr/bin/python3")
    _copy_python(root)
    shutil.copytree(INSIDE, root / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnobody:x:65534:\n")
    script = root / "bin/greet"
    script.write_text('#!/bin/sh\necho "greetings $*"\n')
    script.chmod(0o755)
    (root / "bin/not-executable").write_text("no program\n")
    return root


def _copy_python(root):
    ignore = shutil.ignore_patterns("__pycache__", "test", "tkinter", "idlelib", "ensurepip", "config-*",
                                    "lib2to3", "distutils", "pydoc_data", "dist-packages")  # fmt: skip
    library = root / "usr/lib/python3.11"
    shutil.copytree("/usr/lib/python3.11", library, ignore=ignore, symlinks=False, ignore_dangling_symlinks=True)
    for module in library.glob("lib-dynload/*.so"):
        for needed in _libraries(module):
            inner = needed.lstrip("/")
            _copy(needed, root, inner if inner.startswith("usr") else f"usr/{inner}")


def image(name, root, into, **config):
    return images.from_root(root, name, config, into)
