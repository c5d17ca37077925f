# SPDX-License-Identifier: Apache-2.0
"""SPEC: what the kernel refuses to a keeper is neither overlooked nor waited for without end."""

import json
import time

from testlib import proc
from testlib.inject import failing, keeper_of
from testlib.waiting import until


def test_a_failing_poll_ends_the_run(recap, toolbox, target, tmp_path):
    run = recap.start(toolbox, target, "sleep", "8120")
    with failing(keeper_of(recap, run), tmp_path / "log", "ppoll", "error=ENOMEM:when=1"):
        until(lambda: not proc.running("sleep", "8120"), timeout=5)
    assert not recap.wait_until_idle()
    record = json.loads(recap("inspect", run).stdout)
    assert record["exit"]["reason"] == "Failed" and record["exit"]["code"] == 125, record
    assert "poll" in record["exit"]["message"] and record["residue"] == {"verified": True, "found": []}, record


def test_a_failing_accept_does_not_keep_the_keeper_busy(recap, toolbox, target, tmp_path):
    run, log = recap.start(toolbox, target, "sleep", "8121"), tmp_path / "log"
    with failing(keeper_of(recap, run), log, "accept4", "error=EMFILE"):
        stop = recap.popen("stop", "--grace", "0s", run)
        until(lambda: "accept4" in (proc.read(log) or ""))
        time.sleep(1)
        tried = log.read_text().count("accept4")
    assert stop.wait(10) == 0, stop.communicate()
    assert tried < 50
    stop.communicate()
