# SPDX-License-Identifier: Apache-2.0
"""A Capsule that takes all it can get: only it dies or slows; the target's counters do not move."""

import json
import time

import pytest

from testlib import proc, snapshot
from testlib.waiting import Stopwatch, until

LOG_BOUND = 1 << 20  # of each stream of a detached run
CLASSES = ["target.processes", "target.cgroups", "target.files", "target.mounts"]


def size_of(file):
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0  # while it is renamed


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
    assert done.returncode == 137 and b"used more memory than its limit" in done.stderr, done


@pytest.mark.parametrize("share", ["pid", "none"])
def test_a_fork_bomb_stays_in_its_limit(recap, toolbox, target, untouched, share):
    bomb = "b() { b | b & b; }; b & exec tail -f /dev/null"
    with Stopwatch() as watch:
        done = recap.run(toolbox, target, "sh", "-c", bomb,
                         flags=["--pids", "64", "--timeout", "2s", "--grace", "500ms", "--share", share])  # fmt: skip
    assert done.returncode == 124 and watch.seconds < 10, (done.returncode, watch.seconds)
    assert not recap.wait_until_idle()


def test_a_large_fork_bomb_is_ended(recap, toolbox, target, untouched):
    bomb = "import os\nwhile True:\n  try:\n    os.fork()\n  except OSError: pass"
    done = recap.run(toolbox, target, "python3", "-c", bomb, timeout=60,
                     flags=["--pids", "500", "--memory", "2Gi", "--timeout", "2s", "--grace", "500ms"])  # fmt: skip
    assert done.returncode == 124, done
    assert not recap.wait_until_idle()


def test_a_disk_filler_fills_only_its_own(recap, toolbox, target, untouched):
    fill = "dd if=/dev/zero of=$d/fill bs=1M count=300 2> /dev/null"
    script = f"for d in /tmp /etc /dev/shm /out /var /; do {fill}; stat -c %s $d/fill; done 2> /dev/null"
    done = recap.run(toolbox, target, "sh", "-c", script, flags=["--scratch", "16Mi"])
    sizes = [int(size) for size in done.stdout.split()]
    assert len(sizes) >= 4 and 15 << 20 < sum(sizes) <= 16 << 20, done
    assert recap.run(toolbox, target, "sh", "-c", "echo x > /etc/y").returncode == 0


def test_a_spinner_gets_its_share_and_no_more(recap, toolbox, target, untouched):
    count = "import time\nend = time.time() + 2\nwhile time.time() < end: pass\nprint(time.process_time())"
    done = recap.run(toolbox, target, "python3", "-c", count, flags=["--cpus", "0.2"])
    assert float(done.stdout) < 0.2 * 2 + 0.4, done


def test_endless_output_is_bounded_by_who_reads_it(recap, toolbox, target, untouched):
    child = recap.popen(*recap.run_words(toolbox, target, "yes", "x" * 1000, flags=["--timeout", "3s"]))
    until(lambda: proc.running("yes", "x" * 1000))
    time.sleep(0.5)
    alive = [each.pid for each in proc.children(child.pid) if each.state != "Z"]
    assert len(alive) == 4, alive  # keeper, two stubs, function
    for pid in [child.pid, *alive]:
        used = int(proc.status(pid)["VmRSS"].split()[0])
        assert used < 32 << 10, f"{used} KiB"
    child.stdout.close()
    child.stderr.close()
    assert child.wait(10) in (124, 141)


def test_endless_output_of_a_detached_run_is_bounded_on_disk(recap, toolbox, target, untouched):
    run = recap.start(toolbox, target, "sh", "-c", "yes & yes >&2", flags=["--timeout", "3s"])
    files = [recap.data / "records" / f"{run}{suffix}" for suffix in (".stdout", ".stdout.1", ".stderr", ".stderr.1")]
    most = 0
    while recap.runs_on_disk():
        most = max(most, sum(size_of(file) for file in files))
        time.sleep(0.01)
    assert LOG_BOUND < most <= 2 * LOG_BOUND, most  # two streams of a bound each
    assert json.loads(recap("inspect", run).stdout)["log_dropped_bytes"] > 2 * LOG_BOUND
