# SPDX-License-Identifier: Apache-2.0
"""SPEC: whatever a target has mounted or linked where a Capsule looks, it shows files of the target: not the
kernel's interface, not the host's files, and it says what it does not show."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testlib import lab, runtimes
from testlib.fuse import NeverAnswers
from testlib.fixtures import rounds
from testlib.inside_mounts import mount_inside, root_of
from testlib.waiting import until


def links(target, name, to):
    place = root_of(target) / "etc" / name
    place.unlink(missing_ok=True)
    place.symlink_to(to)


@pytest.mark.parametrize("kernels", ["/proc/version", "/proc/self/maps", "/sys/kernel/notes"])
def test_no_file_of_the_kernel_is_read_for_a_target(capsule, target, kernels):
    """The stub may read what the target may not, and some of it (/proc/kmsg) is consumed by that."""
    links(target, "resolv.conf", kernels)
    links(target, "hosts", kernels)
    done = capsule("sh", "-c", "wc -c /etc/resolv.conf /etc/hosts 2>/dev/null | tail -1")
    assert done.stdout.split()[:1] in ([], [b"0"]), done
    links(target, "hostname", kernels)
    done = capsule("cat", "/etc/hostname", flags=["--view", "merged"])
    assert done.returncode != 0 and not done.stdout, done


def test_cp_does_not_follow_a_run_into_the_kernel(recap, toolbox, target, tmp_path):
    """Its links lead to what the operator may read, and write, and the function may not."""
    script = "ln -s /proc/1/environ /tmp/env.txt; ln -s /proc/sys/kernel /tmp/dir; echo ready; sleep 8601"
    run = recap.start(toolbox, target, "sh", "-c", script)
    until(lambda: b"ready" in recap("logs", run).stdout)
    local = tmp_path / "copied"
    for source in ("/tmp/env.txt", "/proc/1/environ", "/tmp/dir", "/sys/kernel/notes"):
        done = recap("cp", f"{run}:{source}", local)
        assert done.returncode == 125 and b"of the kernel" in done.stderr and not local.exists(), done
    name = f"recap-{run[:8]}"
    (tmp_path / "tree/proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "tree/proc/sys/kernel/domainname").write_text(name)
    file = "tree/proc/sys/kernel/domainname"
    for source, to in ((file, "/tmp/dir"), (file, "/tmp/dir/"), ("tree/", "/"), ("tree/proc", "/")):
        done = recap("cp", f"{tmp_path}/{source}", f"{run}:{to}")
        assert done.returncode == 125 and b"of the kernel" in done.stderr, done
    domain = recap.run(toolbox, target, "cat", "/proc/sys/kernel/domainname").stdout
    assert name.encode() not in domain + Path("/proc/sys/kernel/domainname").read_bytes()
    done = recap("cp", f"{run}:/", local)
    assert done.returncode == 0 and b"files of the kernel" in done.stderr, done
    assert not (local / "proc").exists() and (local / "etc/passwd").exists()


@pytest.mark.parametrize("flag", ["--path", "--writable"])
@pytest.mark.parametrize("path", ["/proc/sys/kernel", "/proc", "/sys", "/data/link-to-proc", "/data/kernel/p"])
def test_a_file_system_of_the_kernel_is_no_path_of_a_target(recap, toolbox, target, flag, path):
    (root_of(target) / "data/link-to-proc").symlink_to("/proc")
    mount_inside(target, "tmpfs", "/data/kernel", "proc", "/data/kernel/p")
    done = recap.run(toolbox, target, "true", flags=[flag, path, "--run-as", "root"])
    refused = b"of the kernel" in done.stderr or b"symbolic link" in done.stderr
    assert done.returncode == 125 and refused and done.stderr.count(b"\n") == 1, done


@pytest.mark.parametrize("flags", [["--path", "/data"], ["--writable", "/data"], ["--view", "target"]], ids=str)
def test_what_the_kernel_has_mounted_below_is_left_out(recap, toolbox, target, flags):
    (root_of(target) / "data/kernel").mkdir()
    mount_inside(target, "tmpfs", "/data/kernel", "tmpfs", "/data/kernel/t", "proc", "/data/kernel/p", "proc",
                 "/data/kernel/p", "sysfs", "/data/kernel/s a", "mqueue", "/data/kernel/t/q",
                 "devtmpfs", "/data/kernel/d")  # fmt: skip
    (root_of(target) / "data/kernel/t/file").write_text("stored\n")
    before = (Path("/proc") / str(target.pid) / "mountinfo").read_text()
    top = "/target" if "target" in flags else ""
    done = recap.run(toolbox, target, "sh", "-c", f"cd {top}/data/kernel && cat t/file; ls -A p 's a' t/q d; ls t",
                     flags=[*flags, "--run-as", "root"])  # fmt: skip
    assert done.stdout.startswith(b"stored\nd:\n\np:\n\ns a:\n\nt/q:\nfile\nq\n"), done
    assert (Path("/proc") / str(target.pid) / "mountinfo").read_text() == before


@pytest.fixture
def jailed(tmp_path, lean):
    """A process of the host in a chroot(2)."""
    jail = tmp_path / "jail"
    lab.lean_root(jail)
    lab.compile_static("pause.c", jail / "pause")
    (jail / "data").mkdir(exist_ok=True)
    (jail / "data/of-the-jail").write_text("jail\n")
    with runtimes.process(["chroot", str(jail), "/pause"]) as target:
        deadline = time.monotonic() + 10
        while Path(f"/proc/{target.pid}/root").readlink() != jail:
            assert time.monotonic() < deadline
        yield target


@pytest.mark.parametrize("flags", [["--view", "target"], ["--view", "merged"], ["--path", "/data"]], ids=str)
def test_files_of_the_hosts_mount_namespace_need_consent(recap, toolbox, jailed, flags):
    done = recap.run(toolbox, jailed, "true", flags=[*flags, "--share", "none"])
    assert done.returncode == 125 and b"--allow-host-namespaces" in done.stderr, done
    assert b"mnt namespace" in done.stderr and done.stderr.count(b"\n") == 1, done
    assert recap.run(toolbox, jailed, "true", flags=["--share", "none"]).returncode == 0


def test_the_root_of_a_target_in_a_chroot_is_its_own(recap, toolbox, jailed):
    flags = ["--share", "none", "--allow-host-namespaces"]
    done = recap.run(toolbox, jailed, "sh", "-c", "cat /target/data/of-the-jail; ls /target/proc /target/root",
                     flags=[*flags, "--view", "target"])  # fmt: skip
    assert done.stdout.startswith(b"jail\n"), done
    assert b"self" not in done.stdout
    done = recap.run(toolbox, jailed, "ls", "/data", flags=[*flags, "--path", "/data"])
    assert b"of-the-jail\n" in done.stdout, done


FLIP = """import os
while True:
    os.seteuid(1000)
    sum(range(4000))
    os.seteuid(0)
    sum(range(4000))
"""


def test_a_target_that_flips_its_user_does_not_choose(recap, toolbox):
    """Who it is was decided at admission; between that and the start it may want to be somebody else."""
    with runtimes.process([sys.executable, "-c", FLIP]) as target:
        for _ in range(rounds(20, 200)):
            done = recap.run(toolbox, target, "id", "-u", flags=["--run-as", "target", "--share", "none"])
            assert (done.returncode, done.stdout) in ((0, b"0\n"), (125, b"")), done
            assert done.returncode == 0 or b"user" in done.stderr, done


def test_the_reason_is_told_and_not_that_nobody_listens(capsule, target):
    """A stub that fails early is gone before it is told more."""
    for number in range(rounds(20, 200)):
        done = capsule("true", flags=["--path", f"/no/such/{number}"])
        assert done.returncode == 125 and b"/no/such/" in done.stderr, done


def test_a_view_that_is_not_whole_says_so(recap, toolbox, target):
    with NeverAnswers(target, "/tmp", takes_requests=True):
        run = recap.start(toolbox, target, "true", flags=["--view", "target"])
        recap.wait_until_idle()
        record = json.loads(recap("inspect", run).stdout)
        assert record["exit"]["code"] == 0 and "incomplete" in json.dumps(record), record
        done = recap.run(toolbox, target, "true", flags=["--view", "target"])
        assert done.returncode == 0 and b"the view is incomplete" in done.stderr, done
