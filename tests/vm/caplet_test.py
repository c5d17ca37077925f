# SPDX-License-Identifier: Apache-2.0
"""The Caplet on a kernel with pure cgroup v2: what it cannot be shown on a hybrid host, or on one whose clock is not
ours to set."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from testlib import images
from testlib.caplet import Caplet, capsule, event, periodic
from testlib.waiting import until

CGROUP = Path("/sys/fs/cgroup")
MEMORY = 48 << 20
# Two that want the same CPU; a file that is larger than the memory there is for it.
SPIN = "import os; os.fork(); os.sched_setaffinity(0, {0})\nwhile True: pass"
THRASH = """import os, mmap
with open('/var/tmp/thrash', 'wb') as file: file.truncate(96 << 20)
view = mmap.mmap(os.open('/var/tmp/thrash', os.O_RDWR), 0)
while True:
    for at in range(0, len(view), 4096): view[at] = 1"""


@pytest.fixture
def caplet(recap, tmp_path):
    caplet = Caplet(recap, tmp_path)
    yield caplet
    caplet.clean()


@pytest.fixture(scope="module")
def busybox():
    """Small, and there already: everything is slow here."""
    return images.get("busybox")


@pytest.fixture
def web(runc, busybox):
    sleep = ["/bin/busybox", "sleep", "100000"]
    container = runc.run(busybox, command=sleep, annotations={"app": "web"}, memory=MEMORY)
    yield container
    container.remove()


@pytest.fixture
def declare(caplet, busybox):
    reference = caplet.recap.import_image(busybox)

    def declared(name, execution):
        caplet.declare(capsule(name, reference, execution, command=["/bin/busybox", "true"]))
    return declared


def cgroup_of(pid):
    return CGROUP / Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::/")


def inside(container, script):
    """A process that is charged to the container."""
    procs = cgroup_of(container.pid) / "cgroup.procs"
    return subprocess.Popen(["python3", "-c", f"open('{procs}', 'w').write('0')\n{script}"])


def ended(child):
    child.kill()
    child.wait()


def test_stalls_of_a_target_are_events(caplet, web, declare):
    cpu = {"type": "CPUPressure", "cpuPressure": {"stallPercent": 10}}
    memory = {"type": "MemoryPressure", "memoryPressure": {"stallPercent": 5}}
    for name, source in (("cpu", cpu), ("memory", memory)):
        declare(name, event(source, cooldownSeconds=600))
    caplet.start()
    until(lambda: len(caplet.state()) == 2, 20)
    time.sleep(2.5)  # longer than the window in which the kernel adds up
    assert not caplet.said("a run has started")
    for name, script, trigger in (("cpu", SPIN, "CPUPressure"), ("memory", THRASH, "MemoryPressure")):
        child = inside(web, script)
        try:
            caplet.wait_for("a run has ended", timeout=40, capsule=f"Capsule/{name}", exitCode=0)
        finally:
            for pid in (cgroup_of(web.pid) / "cgroup.procs").read_text().split():
                if int(pid) != web.pid:
                    os.kill(int(pid), 9)
            ended(child)
        assert caplet.started(name)[0]["trigger"] == trigger


def test_a_clock_that_is_set_makes_every_schedule_be_looked_at_again(caplet, web, declare):
    declare("monthly", periodic("0 0 1 * *", timeZone="Etc/UTC"))
    caplet.start()
    until(caplet.state, 20)
    assert not caplet.said("a run has started")
    now, up = time.time(), time.monotonic()
    year, month = time.gmtime(now)[:2]
    first = int(subprocess.check_output(["date", "-u", "-d", f"{year + month // 12}-{month % 12 + 1:02}-01", "+%s"]))
    try:
        time.clock_settime(time.CLOCK_REALTIME, first - 2)
        caplet.wait_for("a run has ended", timeout=20, capsule="Capsule/monthly", exitCode=0)
        # Set back over the minute that has had its run: it is not repeated.
        time.clock_settime(time.CLOCK_REALTIME, first - 2)
        time.sleep(4)
        assert len(caplet.started("monthly")) == 1
    finally:
        time.clock_settime(time.CLOCK_REALTIME, now + time.monotonic() - up)
