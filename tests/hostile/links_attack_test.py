# SPDX-License-Identifier: Apache-2.0
"""SPEC 4.7, 4.8: no symbolic link of a target decides where something is mounted in a Capsule or what of the
target is written to, and nothing is made in a target but by the function itself."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from testlib.fixtures import rounds
from testlib.inside_mounts import mount_inside, root_of

CANARY = "CANARY-OF-THE-TARGET"
ENCODINGS = "usr/lib/python3.11/encodings"  # what python3 reads first


@pytest.fixture
def trap(target):
    """The target's own python library says CANARY."""
    library = root_of(target) / ENCODINGS
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(f"import sys; sys.stderr.write('{CANARY}')\n")
    return root_of(target)


def runs_python(capsule, *flags):
    done = capsule("python3", "-c", "1", flags=flags)
    assert CANARY not in done.stderr.decode() + done.stdout.decode(), "the target's code ran"
    return done


@pytest.mark.parametrize("view", ["nothing", "merged"])
def test_a_link_in_a_declared_path_does_not_move_the_next_one(capsule, trap, view):
    (trap / "var/log/app").symlink_to(f"/{ENCODINGS}")
    done = runs_python(capsule, "--view", view, "--path", "/var/log", "--path", "/var/log/app")
    assert done.returncode == 125 and b"symbolic link" in done.stderr and done.stderr.count(b"\n") == 1, done


def test_nor_does_one_in_the_merged_root(capsule, trap):
    (trap / "srv").symlink_to(f"/{os.path.dirname(ENCODINGS)}")
    done = runs_python(capsule, "--view", "merged", "--path", "/srv/encodings")
    assert done.returncode == 125 and b"symbolic link" in done.stderr, done


def test_nor_one_that_comes_and_goes_where_a_volume_is(capsule, target, trap):
    volume = trap / "srv/data/encodings"
    volume.mkdir(parents=True)
    mount_inside(target, "tmpfs", "/srv/data/encodings")
    (volume / "__init__.py").write_text(f"import sys; sys.stderr.write('{CANARY}')\n")
    (trap / "srv/link").symlink_to(f"/{os.path.dirname(ENCODINGS)}")
    exchange = ("import ctypes, sys\n"
                "while True: ctypes.CDLL(None).renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)")
    with subprocess.Popen(["python3", "-c", exchange, trap / "srv/data", trap / "srv/link"]) as swapper:
        try:
            for _ in range(rounds(15, 300)):
                assert runs_python(capsule, "--view", "merged").returncode == 0
        finally:
            swapper.kill()


def test_a_links_of_the_image_is_followed_where_nothing_of_the_target_is(recap, toolbox, target):
    """Whose image it is says where its own directories are."""
    (root_of(target) / "data/seen").write_text("seen\n")
    done = recap.run(toolbox, target, "cat", "/data/seen", flags=["--path", "/data"])
    assert done.returncode == 0 and done.stdout == b"seen\n", done


def test_a_link_does_not_move_what_is_written_to(capsule, trap):
    (trap / "home").mkdir(exist_ok=True)
    (trap / "home/logs").symlink_to("/etc")
    flags = ["--writable", "/home/logs", "--cap", "DAC_OVERRIDE"]
    done = capsule("touch", "/home/logs/x", flags=flags)
    assert done.returncode == 125 and b"symbolic link" in done.stderr and not (trap / "etc/x").exists(), done
    assert capsule("ls", "/home/logs", flags=["--path", "/home/logs"]).returncode == 0, "to look is allowed"


def test_a_working_directory_is_not_made_in_the_target(capsule, trap):
    (trap / "data/rw").mkdir()
    done = capsule("pwd", flags=["--writable", "/data/rw", "--workdir", "/data/rw/made/by/recap"])
    assert done.returncode == 125 and b"working directory" in done.stderr, done
    assert list((trap / "data/rw").iterdir()) == []
    done = capsule("pwd", flags=["--writable", "/data/rw", "--workdir", "/data/rw"])
    assert done.stdout == b"/data/rw\n", done


def test_no_core_of_a_function_goes_anywhere(capsule):
    """Where core_pattern is a program, the kernel asks it at every limit but 1."""
    limit = next(line for line in capsule("cat", "/proc/self/limits").stdout.splitlines() if b"core file" in line)
    assert limit.split()[4:6] == [b"1", b"1"], limit


def test_a_run_whose_stub_cannot_be_forked_has_its_record(recap, toolbox, target, tmp_path):
    report = tmp_path / "report.json"
    words = recap.run_words(toolbox, target, "true", flags=["--report", report])
    strace = ["strace", "-f", "-o", tmp_path / "log", "-e", "trace=clone3", "-e", "inject=clone3:error=EAGAIN:when=2"]
    done = subprocess.run([*map(str, strace), recap.program, *map(str, words)], env=recap.env, capture_output=True)
    assert done.returncode == 125 and b"cannot start" in done.stderr, done
    assert json.loads(report.read_text())["exit"]["code"] == 125
    assert Path(recap.data / "records" / json.loads(report.read_text())["id"]).exists()
