# SPDX-License-Identifier: Apache-2.0
"""SPEC: what a function leaves for its user arrives whole, or the exit code says that it did not; and
nobody who reads slowly, or holds an end of a pipe, keeps a run from its end."""

import json
import os
import signal
import subprocess
import time

import pytest

from testlib import stranger as strangers
from testlib.waiting import Stopwatch, until

FOUR_MEBIBYTES = ("dd", "if=/dev/zero", "of=/out/a", "bs=1M", "count=4")

# Listens in a directory of the target, but is no process of the run: gets the function's stdout and keeps
# writing.
KEEP_WRITING = """
print("got it", flush=True)
while True:
    try:
        os.write(taken, b"x")
    except OSError:
        pass
    time.sleep(0.02)
"""
GIVE_AWAY = """
import array, socket, time
peer = socket.socket(socket.AF_UNIX)
peer.connect("/data/stranger")
print("mine", flush=True)
peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1]))])
time.sleep(0.3)
"""


@pytest.fixture
def stranger(target):
    with strangers.waiting(f"/proc/{target.pid}/root/data/stranger", KEEP_WRITING) as child:
        yield child


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("out", ["a", ""], ids=["file", "directory"])
def test_an_artifact_that_does_not_fit_is_a_failure_and_leaves_nothing(capsule, small_disk, out):
    done = capsule(*FOUR_MEBIBYTES, flags=["--out", f"{small_disk}/{out}", "-q"])
    assert done.returncode == 125 and b"ENOSPC" in done.stderr, done
    assert b"bytes are missing" in done.stderr, done
    assert list(small_disk.iterdir()) == []


LARGER_THAN_OUT = {  # which is 256 MiB
    "hole": "truncate -s 3G /out/a",
    "hard links": "dd if=/dev/zero of=/out/a bs=1M count=30 && for i in 1 2 3 4 5 6 7 8 9; do ln /out/a /out/$i; done",
}


@pytest.mark.parametrize("what", LARGER_THAN_OUT)
def test_a_copy_larger_than_out_may_be_is_refused_and_leaves_nothing(capsule, tmp_path, what):
    folder = tmp_path / "folder"
    done = capsule("sh", "-c", f"echo small > /out/b; {LARGER_THAN_OUT[what]}", flags=["--out", f"{folder}/", "-q"])
    assert done.returncode == 125 and b"larger than /out may be" in done.stderr, done
    assert not folder.exists() or list(folder.iterdir()) == []


def test_the_record_says_what_the_caller_is_told(capsule, tmp_path):
    """Also of what else was found: here a leftover, which only a function with that right can make."""
    report = tmp_path / "report.json"
    leave = "ip link set lo mtu 1400; truncate -s 3G /out/a"
    done = capsule("sh", "-c", leave, flags=["--out", tmp_path / "a", "--cap", "NET_ADMIN", "--report", report])
    record = json.loads(report.read_text())
    assert done.returncode == 125 and record["exit"]["code"] == 125, (done, record)
    for word in ("larger than /out may be", "residue was found"):
        assert word in done.stderr.decode() and word in record["exit"]["message"], (done, record)


def test_a_single_file_larger_than_out_may_be_is_refused(capsule, tmp_path):
    done = capsule("sh", "-c", "truncate -s 3G /out/a", flags=["--out", tmp_path / "a", "-q"])
    assert done.returncode == 125 and b"larger than /out may be" in done.stderr, done
    assert list(tmp_path.iterdir()) == []


def test_holes_and_links_within_the_limit_arrive(capsule, tmp_path):
    folder = f"{tmp_path}/kept/"
    done = capsule("sh", "-c", "truncate -s 20M /out/a && ln /out/a /out/b", flags=["--out", folder])
    assert done.returncode == 0, done
    assert [(tmp_path / "kept" / name).stat().st_size for name in "ab"] == [20 << 20] * 2, done


def test_no_artifact_is_a_failure_of_a_run_that_succeeded(capsule, tmp_path):
    done = capsule("true", flags=["--out", tmp_path / "a"])
    assert done.returncode == 125 and b"left no file in /out" in done.stderr, done
    done = capsule("sh", "-c", "exit 3", flags=["--out", tmp_path / "a"])
    assert done.returncode == 3, done
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_a_failure_and_stays(capsule, tmp_path):
    folder = f"{tmp_path}/kept/"
    assert capsule("sh", "-c", "echo old > /out/a", flags=["--out", folder]).returncode == 0
    done = capsule("sh", "-c", "echo new > /out/a; echo other > /out/b", flags=["--out", folder])
    assert done.returncode == 125 and b"EEXIST" in done.stderr and b"4 bytes are missing" in done.stderr, done
    kept = tmp_path / "kept"
    assert (kept / "a").read_text() == "old\n" and (kept / "b").read_text() == "other\n"
    assert sorted(path.name for path in kept.iterdir()) == ["a", "b"]


def test_a_file_is_replaced_and_has_the_users_mode(capsule, tmp_path):
    place = tmp_path / "a"
    place.write_text("old")
    assert capsule("sh", "-c", "echo new > /out/a", flags=["--out", place]).returncode == 0
    assert place.read_text() == "new\n" and [path.name for path in tmp_path.iterdir()] == ["a"]
    fresh = tmp_path / "b"
    assert capsule("sh", "-c", "echo new > /out/a", flags=["--out", fresh], umask=0o027).returncode == 0
    assert fresh.stat().st_mode & 0o777 == 0o640


def test_a_killed_recap_leaves_no_half_of_a_file(recap, toolbox, target, tmp_path):
    words = recap.run_words(toolbox, target, "sh", "-c", "echo > /out/a; echo ready; sleep 8720",
                            flags=["--out", tmp_path / "a", "--report", tmp_path / "report"])  # fmt: skip
    child = recap.popen(*words)
    assert child.stdout.readline() == b"ready\n"
    child.kill()
    child.communicate()
    assert not recap.wait_until_idle()
    assert list(tmp_path.iterdir()) == []


def test_a_detached_run_has_nobody_to_name_a_file(capsule, tmp_path):
    done = capsule("true", flags=["-d", "--out", tmp_path / "a"])
    assert done.returncode == 125 and b"--out DIR/" in done.stderr, done


@pytest.fixture
def unread(recap, toolbox, target):
    """unread(flags): `recap run --out -` whose stdout nobody reads, in the midst of its hand-over; and the
    reading end."""
    reader, writer = os.pipe()

    def start(*flags):
        words = recap.run_words(toolbox, target, *FOUR_MEBIBYTES, flags=["--out", "-", "-q", *flags])
        child = recap.popen(*words, stdout=writer)
        os.close(writer)
        until(lambda: os.stat(reader) and readable(reader), what="the first bytes of the artifact")
        return child, reader

    yield start
    os.close(reader)


def readable(pipe):
    import select

    return select.select([pipe], [], [], 0)[0]


def read_all(pipe):
    parts = []
    while part := os.read(pipe, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def test_a_slow_reader_gets_every_byte(recap, unread):
    child, reader = unread()
    time.sleep(1)
    assert child.poll() is None
    assert read_all(reader) == bytes(4 << 20)
    assert child.wait(10) == 0 and child.communicate()


def test_a_killed_caller_is_not_waited_for_by_the_hand_over(recap, unread):
    child, _ = unread()
    child.kill()
    child.communicate()
    assert not recap.wait_until_idle(3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_hand_over(recap, unread, number):
    child, _ = unread()
    child.send_signal(number)
    with Stopwatch() as watch:
        assert child.wait(10) == 125
    assert watch.seconds < 2 and b"bytes are missing" in child.communicate()[1]
    assert not recap.wait_until_idle(2)


def test_stop_ends_the_hand_over(recap, unread):
    child, _ = unread()
    (run,) = recap.runs_on_disk()
    assert recap("stop", run, timeout=5).returncode == 0
    assert child.wait(5) == 125
    child.communicate()


def test_after_the_deadline_a_reader_is_waited_for_a_while(recap, unread):
    with Stopwatch() as watch:
        child, _ = unread("--timeout", "2s")
        assert child.wait(20) == 125
    assert 2 < watch.seconds < 10 and b"bytes are missing" in child.communicate()[1]


def test_a_stranger_with_the_functions_stdout_does_not_hold_up_its_end(recap, toolbox, target, stranger):
    with Stopwatch() as watch:
        run = recap.start(toolbox, target, "python3", "-c", GIVE_AWAY, flags=["--path", "/data"])
        assert stranger.stdout.readline() == b"got it\n"
        assert not recap.wait_until_idle(5)
    assert watch.seconds < 5
    assert recap("logs", run).stdout.startswith(b"mine\n")


def test_nor_that_of_the_caller_who_relays_it(recap, toolbox, target, stranger, tmp_path):
    words = recap.run_words(toolbox, target, "python3", "-c", GIVE_AWAY, flags=["--path", "/data"])
    with (tmp_path / "out").open("wb") as out:  # a file is never given to a function, so recap relays
        child = recap.popen(*words, stdout=out)
        assert stranger.stdout.readline() == b"got it\n"
        with Stopwatch() as watch:
            assert child.wait(20) == 0, child.stderr.read()
    child.communicate()
    assert watch.seconds < 3
    assert (tmp_path / "out").read_bytes().startswith(b"mine\n")
