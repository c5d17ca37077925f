# SPDX-License-Identifier: Apache-2.0
"""What a Caplet does only where it may: react to stalls, which the kernel counts per cgroup in version 2 alone, and to
a wall clock that somebody sets."""

import datetime
import subprocess
import time
from pathlib import Path

import pytest

from testlib.caplet import Caplet, capsule, event, periodic
from testlib.waiting import until


@pytest.fixture
def caplet(recap, toolbox, tmp_path):
    caplet = Caplet(recap, tmp_path)
    yield caplet
    caplet.clean()


@pytest.fixture
def web(runc, lean):
    container = runc.run(lean, annotations={"app": "web"}, memory=64 << 20)
    yield container
    container.remove()


def cgroup_of(container):
    return Path("/sys/fs/cgroup") / Path(f"/proc/{container.pid}/cgroup").read_text().strip().removeprefix("0::/")


def busy(cgroup, script):
    """Python that runs inside the target's cgroup."""
    join = f"open('{cgroup}/cgroup.procs', 'w').write('0');"
    return subprocess.Popen(["python3", "-c", f"{join} {script}"])


def stalls_start_a_run(caplet, toolbox, cgroup, source, script):
    caplet.declare(capsule("watch", toolbox, event(source), command=["/bin/sh", "-c", "echo stalled"]))
    caplet.start()
    until(lambda: caplet.state(), 60)
    time.sleep(5)
    assert not caplet.said("a run has started") and not caplet.said("an event cannot be observed on this node")
    busy_ones = [busy(cgroup, script) for _ in range(2)]
    try:
        line = caplet.wait_for("a run has started", timeout=90)
    finally:
        for each in busy_ones:
            each.kill()
            each.wait()
    assert line["trigger"] == source["type"]
    assert caplet.wait_for("a run has ended", timeout=60, run=line["run"])["exitCode"] == 0


def test_cpu_pressure(caplet, toolbox, web):
    cgroup = cgroup_of(web)
    (cgroup / "cpu.max").write_text("20000 100000")
    source = {"type": "CPUPressure", "cpuPressure": {"stallPercent": 50}}
    stalls_start_a_run(caplet, toolbox, cgroup, source, "exec('while True: pass')")


def test_memory_pressure_by_stalls(caplet, toolbox, web):
    cgroup = cgroup_of(web)
    (cgroup / "memory.high").write_text(str(12 << 20))
    source = {"type": "MemoryPressure", "memoryPressure": {"stallPercent": 10}}
    grow = "import time; x = [bytearray(1 << 20) for _ in range(30)]; time.sleep(60)"
    stalls_start_a_run(caplet, toolbox, cgroup, source, grow)


def test_the_watch_of_a_target_that_ends_makes_no_noise(caplet, toolbox, web):
    source = {"type": "CPUPressure", "cpuPressure": {"stallPercent": 50}}
    caplet.declare(capsule("watch", toolbox, event(source), command=["true"]))
    caplet.start()
    until(lambda: caplet.state(), 60)
    web.kill()
    until(lambda: not (Path("/proc") / str(web.pid)).exists(), 30)
    before = (Path(f"/proc/{caplet.child.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    time.sleep(5)
    after = (Path(f"/proc/{caplet.child.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    assert sum(map(int, after)) - sum(map(int, before)) < 100, "a second of CPU for nothing"
    assert not caplet.said("a run has started")


def test_a_clock_that_is_set_forward_starts_what_became_due_once_and_back_repeats_nothing(caplet, toolbox, web):
    at = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    due = at + datetime.timedelta(hours=3)
    schedule = periodic(f"{due.minute} {due.hour} * * *", timeZone="Etc/UTC")
    caplet.declare(capsule("daily", toolbox, schedule, command=["/bin/sh", "-c", "echo $RECAP_SCHEDULED"]))
    caplet.start()
    until(lambda: caplet.state(), 60)
    time.sleep(2)
    assert not caplet.said("a run has started")
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.time() + 4 * 3600)
        line = caplet.wait_for("a run has ended", timeout=60)
        assert caplet.output(line["run"]).strip() == due.strftime("%Y-%m-%dT%H:%M:00Z")
        for offset in (-4 * 3600, 4 * 3600 - 60):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + offset)
            time.sleep(3)
        assert len(caplet.said("a run has started")) == 1
        time.clock_settime(time.CLOCK_REALTIME, time.time() + 24 * 3600)
        caplet.wait_for("a run has ended", 2, timeout=60)
    finally:
        time.clock_settime(time.CLOCK_REALTIME, at.timestamp())
    assert len(caplet.said("a run has started")) == 2
