# SPDX-License-Identifier: Apache-2.0
"""What a Caplet keeps of runs that have ended, for how long and how much: records, and the audit log."""

import json
import time

import pytest

from testlib.caplet import Caplet, capsule, periodic
from testlib.waiting import until

AUDIT_BYTES = 8 << 20


@pytest.fixture
def caplet(recap, toolbox, tmp_path):
    caplet = Caplet(recap, tmp_path)
    (recap.data / "caplet/audit.log").unlink(missing_ok=True)
    yield caplet
    caplet.clean()


@pytest.fixture
def web(runc, lean):
    container = runc.run(lean, annotations={"app": "web"})
    yield container
    container.remove()


def tick(toolbox, **spec):
    return capsule("tick", toolbox, periodic(), command=["true"], history={"successful": 100, "failed": 1}, **spec)


def test_records_are_kept_for_as_long_as_was_said(caplet, recap, toolbox, web):
    caplet.declare(tick(toolbox))
    caplet.start()
    runs = [caplet.wait_for("a run has ended", count)["run"] for count in (1, 2)]
    caplet.end()
    assert all((recap.data / "records" / run).exists() for run in runs)
    by_hand = recap.run(toolbox, web, "true", flags=["--report", "/dev/stdout"])
    mine = json.loads(by_hand.stdout)["id"]
    caplet.withdraw("tick")
    caplet.start("--keep-records", "1h")
    until(lambda: caplet.get("/readyz")[0] == 200)
    assert all((recap.data / "records" / run).exists() for run in runs)
    caplet.end()
    time.sleep(2.1)  # ages are whole seconds
    caplet.start("--keep-records", "0s")
    until(lambda: not any((recap.data / "records" / run).exists() for run in runs))
    assert (recap.data / "records" / mine).exists(), "a run of nobody's Capsule"


def test_the_audit_log_is_bounded(caplet, recap, toolbox, web):
    log = recap.data / "caplet/audit.log"
    caplet.declare(tick(toolbox))
    caplet.start()
    caplet.wait_for("a run has ended")
    caplet.end()
    first = log.read_text().splitlines()[0]
    assert json.loads(first)["event"] == "RunStarted"
    for number in range(1, 6):
        (log.parent / f"audit.log.{number}").write_text(f"{number}\n")
    with log.open("a") as file:
        file.write("x" * AUDIT_BYTES + "\n")
    caplet.start()
    caplet.wait_for("a run has ended")
    caplet.end()
    assert (log.parent / "audit.log.1").read_text().startswith(first)
    assert [(log.parent / f"audit.log.{number}").read_text() for number in (2, 3, 4)] == ["1\n", "2\n", "3\n"]
    assert log.stat().st_size < 65536 and json.loads(log.read_text().splitlines()[0])["event"] == "RunStarted"
    for number in range(1, 6):
        (log.parent / f"audit.log.{number}").unlink()
