# SPDX-License-Identifier: Apache-2.0
"""A Capsule that takes all it can get: only it dies or slows; the target's counters do not move."""

import json
import subprocess
import time

import pytest

from testlib import proc, snapshot
from testlib.waiting import Stopwatch

CLASSES = ["target.processes", "target.cgroups", "target.files", "target.mounts"]


@pytest.fixture
def untouched(recap, target):
    before = snapshot.take(target.pid, recap.state, CLASSES)
    yield
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
    assert target.alive()


def test_a_memory_hog_is_killed_and_reported_as_such(recap, toolbox, target, untouched, tmp_path):
    report = tmp_path / "report.json"
    hog = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    done = recap.run(toolbox, target, "python3", "-c", hog, flags=["--memory", "64Mi", "--report", report])
    assert done.returncode == 137, done
    assert json.loads(report.read_text())["exit"]["reason"] == "OutOfMemory"
    assert b"memory" in done.stderr


def test_what_a_hog_writes_to_its_scratch_is_charged_to_it(recap, toolbox, target, untouched):
    done = recap.run(toolbox, target, "dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=500",
                     flags=["--memory", "64Mi", "--scratch", "400Mi"])  # fmt: skip
    assert done.returncode not in (0, 125), done


@pytest.mark.parametrize("share", ["pid", "none"])
def test_a_fork_bomb_stays_in_its_limit(recap, toolbox, target, untouched, share):
    bomb = "b() { b | b & b; }; b"
    with Stopwatch() as watch:
        done = recap.run(toolbox, target, "sh", "-c", bomb,
                         flags=["--pids", "64", "--timeout", "2s", "--grace", "500ms", "--share", share])  # fmt: skip
    assert done.returncode != 0 and watch.seconds < 10, (done.returncode, watch.seconds)
    assert not recap.wait_until_idle()


def test_a_large_fork_bomb_is_ended(recap, toolbox, target, untouched):
    bomb = "import os\nwhile True:\n  try:\n    os.fork()\n  except OSError: pass"
    done = recap.run(toolbox, target, "python3", "-c", bomb, timeout=60,
                     flags=["--pids", "500", "--memory", "2Gi", "--timeout", "2s", "--grace", "500ms"])  # fmt: skip
    assert done.returncode == 124, done
    assert not recap.wait_until_idle()


def test_a_disk_filler_fills_only_its_own(recap, toolbox, target, untouched):
    fill = "dd if=/dev/zero of=$d/fill bs=1M count=300 2>&1 | tail -1"
    script = f"for d in /tmp /etc /dev/shm /out /var /; do {fill}; done"
    done = recap.run(toolbox, target, "sh", "-c", script, flags=["--scratch", "16Mi"])
    assert done.returncode in (0, 1, 137), done
    assert recap.run(toolbox, target, "sh", "-c", "echo x > /etc/y").returncode == 0


def test_a_spinner_gets_its_share_and_no_more(recap, toolbox, target, untouched):
    count = "import time\nend = time.time() + 2\nwhile time.time() < end: pass\nprint(time.process_time())"
    done = recap.run(toolbox, target, "python3", "-c", count, flags=["--cpus", "0.2"])
    assert float(done.stdout) < 0.2 * 2 + 0.4, done


def test_endless_output_is_bounded_by_who_reads_it(recap, toolbox, target, untouched):
    child = recap.popen(*recap.run_words(toolbox, target, "yes", "x" * 1000, flags=["--timeout", "1s"]))
    time.sleep(0.5)
    for pid in [child.pid, *(each.pid for each in proc.children(child.pid))]:
        used = int(proc.status(pid)["VmRSS"].split()[0])
        assert used < 32 << 10, f"{used} KiB"
    child.stdout.close()
    child.stderr.close()
    assert child.wait(10) in (124, 141)


def test_endless_output_of_a_detached_run_is_bounded_on_disk(recap, toolbox, target, untouched):
    run = recap.start(toolbox, target, "sh", "-c", "yes & yes >&2", flags=["--timeout", "3s"])
    time.sleep(2)
    used = subprocess.run(["du", "-sk", recap.state / "runs" / run], capture_output=True, text=True).stdout
    assert int(used.split()[0]) < 8 << 10, used
    assert not recap.wait_until_idle(15)
