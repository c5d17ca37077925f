# SPDX-License-Identifier: Apache-2.0
"""SPEC: a full disk, no descriptors, no processes, no memory: one sentence that names what is short, 125,
the function did not run, nothing is left. Each test meets a size that is too small and one that is enough."""

import contextlib
import resource
import shutil
import signal
import subprocess

import pytest

from testlib import host, snapshot
from testlib.recap import Recap

RAN = ("echo", "ran")


@pytest.fixture
def before(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    return snapshot.take(target.pid, recap.state, ["target.processes", "target.mounts", "host.mounts", "host.cgroups",
                                                   "host.processes", "host.state"])  # fmt: skip


def ran(done):
    """Whether the function ran; if not, it was refused in one sentence, before it could say anything."""
    if done.returncode == 0:
        assert (done.stdout, done.stderr) == (b"ran\n", b""), done
        return True
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (125, b"", 1), done
    return False


def unchanged(before):
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


def too_little_and_enough(attempts, before, reason):
    """`attempts`: from the least to the most. What is refused is refused for that reason."""
    refused = [done for done in attempts if not ran(done)]
    assert refused, "nothing was too little"
    assert attempts[-1].returncode == 0, attempts[-1]
    assert not [done.stderr for done in refused if reason not in done.stderr]
    unchanged(before)


def with_limit(what, value):
    return lambda: resource.setrlimit(what, (value, value))


def test_too_few_descriptors(recap, toolbox, target, before):
    attempts = [recap.run(toolbox, target, *RAN, preexec_fn=with_limit(resource.RLIMIT_NOFILE, count))
                for count in [*range(3, 24), 64]]  # fmt: skip
    too_little_and_enough(attempts, before, b"too many open files")


def dies_of(limit, *argv):
    """Whether the kernel cannot even load this program within `limit`, and kills it."""
    return subprocess.run(argv, preexec_fn=limit, capture_output=True).returncode < 0


def test_too_little_memory(recap, toolbox, target, before):
    refused = 0
    for kibibytes in (512, 1024, 1280, 1536, 1792, 2048, 3072, 4096, 8192, 65536):
        limit = with_limit(resource.RLIMIT_AS, kibibytes << 10)
        if dies_of(limit, recap.program, "version"):
            continue
        done = recap.run(toolbox, target, *RAN, preexec_fn=limit)
        if done.returncode == 128 + signal.SIGSEGV:  # the function has the limit too
            assert dies_of(limit, shutil.which("busybox"), "true") and not done.stdout, done
        elif not ran(done):
            assert b"memory" in done.stderr, done
            refused += 1
    assert refused and done.returncode == 0, done
    unchanged(before)


@contextlib.contextmanager
def full_disk(folder, size):
    """A file system without a free block; yields what empties it."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=64,mode=700", "none", folder], check=True)
    try:
        with open(folder / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while True:
                fill.write(bytes(4096))
        yield (folder / "fill").unlink
    finally:
        subprocess.run(["umount", "-R", "-l", folder], check=True)
        folder.rmdir()


@pytest.mark.parametrize("size", [8192, 65536, 1 << 20])
@pytest.mark.parametrize("which", ["state", "data"])
def test_a_full_disk(recap, runc, toolbox, target, work, which, size):
    folder = work / "small"
    with full_disk(folder, size) as empty_it:
        small = Recap(work, host.recap_variables(runc.roots))
        small.data = recap.data
        if which == "state":
            small.env["RECAP_STATE_DIR"] = str(folder)
            small.state = folder
        else:
            small.data = folder
            small.env["RECAP_DATA_DIR"] = str(folder)
            (folder / "store").mkdir(mode=0o700)
            subprocess.run(["mount", "--bind", recap.data / "store", folder / "store"], check=True)
        before = snapshot.take(target.pid, small.state, ["target.processes", "target.mounts", "host.cgroups",
                                                         "host.processes"])  # fmt: skip
        done = small.run(toolbox, target, *RAN)
        assert not ran(done) and b"no space left on device" in done.stderr, done
        unchanged(before)
        empty_it()
        if size == 1 << 20:
            assert ran(small.run(toolbox, target, *RAN))


def test_a_full_scratch_while_the_run_starts(recap, toolbox, target, before):
    attempts = [recap.run(toolbox, target, *RAN, flags=["--scratch", size])
                for size in ("4Ki", "8Ki", "16Ki", "64Ki", "1Mi")]  # fmt: skip
    too_little_and_enough(attempts, before, b"no space left on device")


def test_too_little_memory_for_the_capsule(recap, toolbox, target, before):
    """Which process the kernel ends, one of ours or the function, depends on the size."""
    failed = 0
    for size in ("1Mi", "2Mi", "4Mi", "64Mi"):
        done = recap.run(toolbox, target, "python3", "-c", "print('ran')", flags=["--memory", size])
        if done.returncode == 128 + signal.SIGKILL:
            assert b"used more memory than its limit" in done.stderr and not done.stdout, done
            failed += 1
        else:
            failed += not ran(done)
    assert failed and done.returncode == 0, done
    unchanged(before)


def test_one_process_is_enough_for_a_function_that_starts_none(recap, toolbox, target, before):
    for count in ("1", "2", "3"):
        assert ran(recap.run(toolbox, target, *RAN, flags=["--pids", count]))
    starts_one = recap.run(toolbox, target, "sh", "-c", "true | true; echo ran", flags=["--pids", "1"])
    assert starts_one.returncode not in (0, 125) and b"ran" not in starts_one.stdout, starts_one
    unchanged(before)
