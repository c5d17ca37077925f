# SPDX-License-Identifier: Apache-2.0
"""SPEC: what a Capsule sees of the target's files, and what it may change."""

import contextlib
import os
from pathlib import Path

import pytest

from testlib import proc

VIEWS = {"nothing": [], "path": ["--path", "/data"], "target": ["--view", "target"], "merged": ["--view", "merged"]}


def root_of(target):
    return Path(f"/proc/{target.pid}/root")


@pytest.fixture
def with_volumes(runc, lean, tmp_path):
    """A target with a directory volume, a file volume, a tmpfs, and a mount inside a volume."""
    (tmp_path / "volume/inner").mkdir(parents=True)
    (tmp_path / "volume/on-volume").write_text("volume\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/on-inner").write_text("inner\n")
    (tmp_path / "file").write_text("one file\n")
    for path in (tmp_path.parent, tmp_path):
        path.chmod(0o755)
    target = runc.run(lean, tmpfs=["/scratch"], volumes=[
        (tmp_path / "volume", "/data/volume", "rw"),
        (tmp_path / "inner", "/data/volume/inner", "rw"),
        (tmp_path / "file", "/etc/one-file", "ro"),
    ])  # fmt: skip
    yield target
    target.remove()


@pytest.mark.quick
def test_by_default_nothing_of_the_target_is_seen(capsule):
    done = capsule("sh", "-c", "ls -d /data /target /pause /etc/app.conf 2>/dev/null; ls /bin/busybox")
    assert done.stdout == b"/bin/busybox\n", done


@pytest.mark.quick
def test_a_declared_path_is_at_its_own_place_and_read_only(capsule, target):
    done = capsule("sh", "-c", "cat /data/deep/file; ls /etc/app.conf", flags=["--path", "/data"])
    assert done.stdout == b"a file of the target\n" and b"No such file" in done.stderr, done
    done = capsule("sh", "-c", "echo x > /data/new; echo x >> /data/deep/file",
                   flags=["--path", "/data", "--run-as", "root", "--cap", "DAC_OVERRIDE"])  # fmt: skip
    assert done.stderr.count(b"Read-only file system") == 2, done
    assert not (root_of(target) / "data/new").exists()


def test_submounts_of_a_declared_path_are_included(recap, toolbox, with_volumes):
    done = recap.run(toolbox, with_volumes, "cat", "/data/deep/file", "/data/volume/on-volume",
                     "/data/volume/inner/on-inner", flags=["--path", "/data"])  # fmt: skip
    assert done.stdout == b"a file of the target\nvolume\ninner\n", done
    for place in ("/data/x", "/data/volume/x", "/data/volume/inner/x"):
        assert recap.run(toolbox, with_volumes, "touch", place, flags=["--path", "/data"]).returncode != 0, place


def test_a_single_file_can_be_declared(recap, toolbox, with_volumes):
    for path, content in (("/etc/one-file", b"one file\n"), ("/etc/app.conf", b"answer = 42\n")):
        assert recap.run(toolbox, with_volumes, "cat", path, flags=["--path", path]).stdout == content


@pytest.mark.quick
def test_writes_go_through_where_declared_and_only_there(capsule, target):
    root = root_of(target)
    (root / "var/log").chmod(0o777)
    (root / "data").chmod(0o777)
    done = capsule("sh", "-c", "echo line > /var/log/app.log; echo x > /data/new; cat /data/deep/file",
                   flags=["--writable", "/var/log", "--path", "/data"])  # fmt: skip
    assert (root / "var/log/app.log").read_text() == "line\n", done
    assert not (root / "data/new").exists()
    assert done.stdout == b"a file of the target\n"


def test_a_rename_in_a_writable_path_is_the_targets(recap, toolbox, target):
    log = root_of(target) / "var/log/app.log"
    log.write_text("old\n")
    done = recap.run(toolbox, target, "mv", "/var/log/app.log", "/var/log/app.log.1",
                     flags=["--writable", "/var/log", "--run-as", "target"])  # fmt: skip
    assert done.returncode == 0, done  # the ceiling of root on this node has root's user in it
    assert log.with_suffix(".log.1").read_text() == "old\n" and not log.exists()


@pytest.mark.quick
def test_the_targets_root_is_below_target_and_read_only(capsule, target):
    done = capsule("sh", "-c", "cat /target/data/deep/file; readlink /target/data/link; echo x > /target/new;"
                   "grep -o ' /target .*' /proc/self/mountinfo | head -1", flags=["--view", "target"])  # fmt: skip
    assert done.stdout.startswith(b"a file of the target\ndeep/file\n"), done
    assert b"Read-only file system" in done.stderr
    for option in (b"ro", b"nosuid", b"nodev", b"noexec", b"nosymfollow"):
        assert option in done.stdout.splitlines()[-1].split(b" - ")[0], done.stdout
    assert not (root_of(target) / "new").exists()


def test_programs_of_the_target_do_not_run_and_links_are_not_followed(capsule):
    done = capsule("/target/pause", flags=["--view", "target"])
    assert done.returncode == 126, done
    done = capsule("cat", "/target/data/link", flags=["--view", "target"])
    assert done.returncode != 0 and b"Too many levels of symbolic links" in done.stderr, done


def test_the_targets_volumes_are_in_the_target_view(recap, toolbox, with_volumes):
    done = recap.run(toolbox, with_volumes, "cat", "/target/data/volume/on-volume", "/target/etc/one-file",
                     flags=["--view", "target"])  # fmt: skip
    assert done.stdout == b"volume\none file\n", done
    for place in ("/target/data/volume/x", "/target/scratch/x"):
        assert recap.run(toolbox, with_volumes, "touch", place, flags=["--view", "target"]).returncode != 0, place


@pytest.mark.quick
def test_merged_shows_both_and_keeps_writes_to_itself(capsule, target):
    done = capsule("sh", "-c", "cat /data/deep/file; ls /bin/busybox;"
                   "echo mine > /data/new && cat /data/new; echo changed > /data/deep/file; cat /data/deep/file",
                   flags=["--view", "merged", "--run-as", "root", "--cap", "DAC_OVERRIDE"])  # fmt: skip
    wanted = b"a file of the target\n/bin/busybox\nmine\nchanged\n"
    assert done.stdout == wanted, done
    assert (root_of(target) / "data/deep/file").read_text() == "a file of the target\n"
    assert not (root_of(target) / "data/new").exists()


def test_merged_hides_what_programs_obey_and_a_path_shows_it(capsule, target):
    root = root_of(target)
    (root / "etc/hostname").write_text("web-0\n")
    (root / "app.py").write_text("x\n")
    (root / "usr/share/app").mkdir(parents=True)
    done = capsule("sh", "-c", "ls /etc /usr/share /app.py; cat /etc/hostname; ls -d /pause /data /var/log",
                   flags=["--view", "merged"])  # fmt: skip
    assert b"app" not in done.stdout, done
    assert done.stdout.endswith(b"web-0\n/data\n/pause\n/var/log\n"), done
    done = capsule("cat", "/etc/app.conf", flags=["--view", "merged", "--path", "/etc/app.conf"])
    assert done.stdout == b"answer = 42\n", done


@pytest.mark.parametrize("who", ["--run-as reserved", "-u 1000:1000", "--run-as target", "--run-as root"])
def test_home_in_merged_is_the_functions_own(capsule, who):
    done = capsule("sh", "-c", "pwd; echo $HOME; echo x > file && cat file; ls -A | wc -l; grep ^recap /etc/passwd",
                   flags=["--view", "merged", *who.split()])  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert lines[:4] == ["/root", "/root", "x", "1"], done
    assert all(line.endswith(":/root:/bin/sh") for line in lines[4:]), done


def test_a_working_directory_of_the_target_can_be_named_in_merged(capsule):
    done = capsule("sh", "-c", "pwd; cat file", flags=["--view", "merged", "--workdir", "/data/deep"])
    assert done.stdout == b"/data/deep\na file of the target\n", done


def test_volumes_in_merged_are_read_only(recap, toolbox, with_volumes):
    done = recap.run(toolbox, with_volumes, "sh", "-c", "cat /data/volume/on-volume; echo x > /data/volume/new",
                     flags=["--view", "merged", "--run-as", "root", "--cap", "DAC_OVERRIDE"])  # fmt: skip
    assert done.stdout == b"volume\n" and b"Read-only file system" in done.stderr, done
    assert not (root_of(with_volumes) / "data/volume/new").exists()


def test_ptrace_is_refused_with_merged(capsule):
    done = capsule("true", flags=["--view", "merged", "--cap", "SYS_PTRACE"])
    assert done.returncode == 125 and b"merged" in done.stderr and done.stderr.count(b"\n") == 1, done


@pytest.mark.parametrize("view", VIEWS)
def test_the_targets_mount_table_is_unchanged_while_it_runs(recap, toolbox, target, view):
    before = [mount.line for mount in proc.mounts(target.pid)]
    recap.start(toolbox, target, "sleep", "8600", flags=VIEWS[view])
    assert [mount.line for mount in proc.mounts(target.pid)] == before
    recap.clean()
    assert [mount.line for mount in proc.mounts(target.pid)] == before


@pytest.mark.parametrize("view", VIEWS)
def test_the_capsule_learns_no_path_of_the_host(capsule, view, work):
    done = capsule("cat", "/proc/self/mountinfo", flags=VIEWS[view])
    assert done.returncode == 0
    for word in (str(work).encode(), b"/var/lib/recap", b"/store/layers"):
        assert word not in done.stdout, done.stdout.decode()


def test_a_path_of_the_target_may_be_long(recap, toolbox, target):
    """The longest that a Capsule can be told is shown at its own place, and nowhere else."""
    folder = "/data"
    while len(folder) < 3900:
        folder += "/" + "d" * 200
    descriptor = os.open(root_of(target), os.O_PATH)
    for part in folder.strip("/").split("/"):  # longer than one path may be with /proc/PID/root before it
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, dir_fd=descriptor)
        following = os.open(part, os.O_PATH, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = following
    with open(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=descriptor), "w") as file:
        file.write("deep\n")
    os.close(descriptor)
    done = recap.run(toolbox, target, "cat", folder + "/file", flags=["--path", folder])
    assert done.stdout == b"deep\n", done
    parent = folder[: folder.rindex("/")]
    assert recap.run(toolbox, target, "ls", parent, flags=["--path", folder]).stdout == b"d" * 200 + b"\n"


@pytest.mark.parametrize("path", ["relative", "/", "/no/such/path", "/data/../etc", "/data/link/x", "/proc/1/root"])
def test_a_path_that_cannot_be_shown_is_refused(capsule, path):
    done = capsule("true", flags=["--path", path])
    assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done


def test_each_run_starts_from_the_image_as_it_is(capsule):
    assert capsule("sh", "-c", "echo mine > /etc/left; rm /bin/greet").returncode == 0
    done = capsule("sh", "-c", "ls /etc/left; greet")
    assert done.stdout == b"greetings \n", done


def test_the_scratch_has_its_limit(capsule):
    done = capsule("sh", "-c", "dd if=/dev/zero of=/etc/big bs=1M count=20", flags=["--scratch", "8Mi"])
    assert done.returncode != 0 and b"No space left" in done.stderr, done
