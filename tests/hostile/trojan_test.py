# SPDX-License-Identifier: Apache-2.0
"""SPEC: no code of the target ever runs in a Capsule, whatever the target puts where programs, loaders and
name services look for it. What a target may name is never printed raw."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testlib import lab

CANARY = "CANARY-OF-THE-TARGET"


@pytest.fixture(scope="module")
def trojan_root(tmp_path_factory):
    """A target full of traps: each says CANARY when it is run or loaded."""
    work = tmp_path_factory.mktemp("trojan")
    root = lab.lean_root(work / "root")
    library = work / "evil.so"
    source = work / "evil.c"
    source.write_text('#include <unistd.h>\n__attribute__((constructor)) static void load(void) {\n'
                      f'  (void)!write(2, "{CANARY}\\n", {len(CANARY) + 1}); }}\n')  # fmt: skip
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    program = work / "evil"
    source.write_text('#include <unistd.h>\nint main(void) {\n'
                      f'  (void)!write(2, "{CANARY}\\n", {len(CANARY) + 1}); return 99; }}\n')  # fmt: skip
    subprocess.run(["gcc", "-static", "-o", program, source], check=True)
    for name in ("ld.so.preload", "ld.so.conf"):
        (root / "etc" / name).write_text("/evil/evil.so\n")
    (root / "etc/ld.so.conf.d").mkdir()
    (root / "etc/ld.so.conf.d/evil.conf").write_text("/evil\n")
    (root / "etc/ld.so.cache").write_bytes(b"not a cache")
    (root / "etc/nsswitch.conf").write_text("passwd: evil\ngroup: evil\nhosts: evil\n")
    names = ["libc.so.6", "libm.so.6", "libselinux.so.1", "libnss_evil.so.2", "libnss_files.so.2", "libproc2.so.0"]
    for folder in ("evil", "lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib", "lib/x86_64-linux-gnu",
                   "usr/lib/x86_64-linux-gnu"):  # fmt: skip
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ["evil.so", *names]:
            shutil.copy(library, root / folder / name)
    for folder in ("lib64", "lib/x86_64-linux-gnu"):
        shutil.copy(program, root / folder / "ld-linux-x86-64.so.2")
    for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("sh", "ls", "id", "python3", "modprobe", "tar", "xz", "unpigz", "getent", "nsenter", "ps"):
            shutil.copy(program, root / folder / name)
    (root / "usr/lib/python3.11/site-packages").mkdir(parents=True)
    (root / "usr/lib/python3.11/sitecustomize.py").write_text(PYTHON)
    _lay_scripts(root)
    return work, root


PYTHON = f"import sys; sys.stderr.write('{CANARY}')\n"
SHELL = f"echo {CANARY} >&2\n"
SCRIPTS = {  # where a shell or an interpreter looks by itself: its home, where it starts, its configuration
    "": {"socket.py": PYTHON, "json.py": PYTHON, ".profile": SHELL, ".bashrc": SHELL, ".shrc": SHELL},
    "root": {"socket.py": PYTHON, "json.py": PYTHON, ".profile": SHELL, ".bashrc": SHELL},
    "home/recap": {"socket.py": PYTHON, ".profile": SHELL},
    "etc": {"profile": SHELL, "bash.bashrc": SHELL, "passwd": "root:x:0:0::/evil:/evil/sh\n"},
    "etc/profile.d": {"evil.sh": SHELL},
    "usr/share/perl5": {"strict.pm": PYTHON},
    "usr/local/lib/python3.11/dist-packages": {"sitecustomize.py": PYTHON, "usercustomize.py": PYTHON},
    "json": {"__init__.py": PYTHON},
}  # fmt: skip


def _lay_scripts(root):
    for folder, files in SCRIPTS.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (root / folder / name).write_text(text)


@pytest.fixture
def trojan(runc, trojan_root):
    work, root = trojan_root
    container = runc.run(lab.image("trojan", root, work, Entrypoint=["/pause"]))
    yield container
    container.remove()


PROGRAMS = {
    "dynamic ls": ["ls", "-l", "/"],
    "id, which asks the name service": ["id", "root"],
    "python": ["python3", "-c", "import pwd, socket, json; pwd.getpwall()"],
    "a module of python": ["python3", "-m", "json.tool", "--help"],
    "shell": ["sh", "-c", "ls / > /dev/null"],
    "login shell": ["sh", "-l", "-c", "ls / > /dev/null"],
    "ps": ["ps", "-e"],
}
VIEWS = {"nothing": [], "target": ["--view", "target"], "merged": ["--view", "merged"], "path": ["--path", "/evil"]}


def test_the_traps_work(trojan):
    done = trojan.exec("/bin/ls")
    assert done.returncode == 99 and CANARY in done.stderr


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("what", PROGRAMS)
def test_no_trap_is_sprung(recap, toolbox, trojan, what, view):
    done = recap.run(toolbox, trojan, *PROGRAMS[what], flags=VIEWS[view])
    assert done.returncode == 0, done
    assert CANARY.encode() not in done.stdout + done.stderr, done


@pytest.mark.parametrize("what", ["python", "a module of python", "login shell"])
@pytest.mark.parametrize("who", ["-u 1000", "--run-as target", "--run-as root"])
def test_no_trap_is_sprung_under_any_user(recap, toolbox, trojan, what, who):
    done = recap.run(toolbox, trojan, *PROGRAMS[what], flags=["--view", "merged", *who.split()])
    assert done.returncode == 0, done
    assert CANARY.encode() not in done.stdout + done.stderr, done


def test_a_volume_over_a_place_of_code_is_not_shown(recap, toolbox, runc, lean, tmp_path):
    (tmp_path / "evil").mkdir()
    for name in ("sitecustomize.py", "socket.py", ".profile", "profile", "file"):
        (tmp_path / "evil" / name).write_text(PYTHON if name.endswith(".py") else SHELL)
    for path in (tmp_path.parent, tmp_path):
        path.chmod(0o755)
    places = ["/usr/lib/python3.11", "/root", "/etc", "/data"]
    target = runc.run(lean, volumes=[*((tmp_path / "evil", place, "ro") for place in places),
                                     (tmp_path / "evil/socket.py", "/socket.py", "ro")])  # fmt: skip
    try:
        script = "import socket, os; print(os.path.exists('/data/file'), os.path.exists('/socket.py'))"
        for argv in (["python3", "-c", script], ["sh", "-l", "-c", "test -e /data/file && echo True False"]):
            done = recap.run(toolbox, target, *argv, flags=["--view", "merged"])
            assert CANARY.encode() not in done.stdout + done.stderr, done
            assert done.stdout == b"True False\n", done
    finally:
        target.remove()


def test_merged_maps_no_file_of_the_target_as_code(recap, toolbox, trojan):
    script = ("import os, pwd, ctypes.util\npwd.getpwall()\nfor line in open('/proc/self/maps'):\n  w = line.split()\n"
              "  if len(w) > 5 and 'x' in w[1] and w[5][0] == '/': print(os.stat(w[5]).st_size, w[5])")  # fmt: skip
    done = recap.run(toolbox, trojan, "python3", "-c", script, flags=["--view", "merged"])
    assert done.returncode == 0 and done.stdout, done
    traps = {path.stat().st_size for path in Path(f"/proc/{trojan.pid}/root").rglob("*.so*") if path.is_file()}
    for line in done.stdout.decode().splitlines():
        assert int(line.split()[0]) not in traps, line


def test_a_program_that_only_the_target_has_is_not_run(recap, toolbox, trojan):
    for view in ("target", "merged"):
        done = recap.run(toolbox, trojan, "modprobe", flags=["--view", view])
        assert done.returncode in (126, 127) and CANARY.encode() not in done.stderr, done


@pytest.mark.skipif(ctypes.CDLL(None).syscall(444, None, 0, 1) <= 0, reason="this kernel has no Landlock")
def test_a_program_of_the_target_is_not_executed_though_it_is_named(recap, toolbox, trojan):
    root = Path(f"/proc/{trojan.pid}/root")
    (root / "data").mkdir(exist_ok=True)
    for name in ("var/log/tool", "data/tool"):
        shutil.copy(root / "pause", root / name)
    for program in ("/pause", "/var/log/tool", "/data/tool", "/evil/evil.so"):
        for more in ([], ["--profile", "net"], ["--run-as", "root"], ["--writable", "/tmp"]):
            done = recap.run(toolbox, trojan, program, flags=["--view", "merged", "--timeout", "5s", *more])
            assert done.returncode == 126 and b"ermission denied" in done.stderr, done
    done = recap.run(toolbox, trojan, "sh", "-c", "/pause; echo $?; cp /bin/busybox /tmp/echo; /tmp/echo x; echo $?;"
                     "cp /bin/busybox ./echo; ./echo own", flags=["--view", "merged"])  # fmt: skip
    assert done.stdout == b"126\n126\nown\n", done


def test_names_that_a_target_chose_are_not_printed_raw(recap, toolbox, runc, lean):
    nasty = "web\x1b]52;c;ZXZpbA==\x07\x1b[2J"
    target = runc.run(lean, labels={"io.kubernetes.pod.name": nasty, "io.kubernetes.pod.namespace": nasty},
                      annotations={"io.kubernetes.container.name": nasty})  # fmt: skip
    try:
        for words in (["targets"], ["targets", "-o", "json"], ["run", toolbox, nasty, "--", "true"]):
            done = recap(*words)
            assert b"\x1b" not in done.stdout + done.stderr and b"\x07" not in done.stdout + done.stderr, done
        recap.start(toolbox, target, "sh", "-c", "printf '\\033[2Jhello'; sleep 8102", nasty)
        for words in (["ps"], ["ps", "-o", "json"]):
            assert b"\x1b" not in recap(*words).stdout
    finally:
        recap.clean()
        target.remove()


def test_a_fifo_or_device_where_a_file_is_expected_does_not_hang(recap, toolbox, trojan):
    root = Path(f"/proc/{trojan.pid}/root")
    for name in ("passwd", "group", "resolv.conf", "hosts", "hostname"):
        place = root / "etc" / name
        place.unlink(missing_ok=True)
        os.mkfifo(place)
    for flags in VIEWS.values():
        assert recap.run(toolbox, trojan, "true", flags=flags, timeout=20).returncode == 0
