# SPDX-License-Identifier: Apache-2.0
"""The harness measures what it says it measures."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchlib import launcher, measure, report, results  # noqa: E402
from benchlib.launcher import Failed  # noqa: E402
from benchlib.measure import Row, percentile, side_by_side  # noqa: E402


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    return launcher.compile_tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def start(tools):
    program = launcher.Launcher(tools[0], dict(os.environ))
    yield program
    program.close()


def test_percentiles_are_values_that_were_measured():
    values = list(range(1, 201))
    assert percentile(values, 50) == 100
    assert percentile(values, 99) == 198
    assert percentile([7], 99) == 7


def test_turn_around_is_from_spawn_to_the_end_of_the_wait(start):
    sample = start.run(["/bin/sleep", "0.1"])
    assert sample.status == 0
    assert 100 <= sample.total_ms < 1000


def test_attach_is_when_the_probe_began_not_when_it_was_answered(start, tools):
    late = ["/bin/sh", "-c", f"{tools[1]}; sleep 0.2"]
    sample = start.run(late)
    assert 0 < sample.attach_ms < sample.total_ms - 200


def test_output_and_status_arrive_apart(start):
    sample = start.run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (sample.out, sample.err, os.waitstatus_to_exitcode(sample.status)) == (b"out\n", b"err\n", 3)
    assert start.run(["/does/not/exist"]).status < 0


def test_what_a_command_leaves_running_is_not_waited_for(start):
    sample = start.run(["/bin/sh", "-c", "sleep 0.5 & echo x"])
    assert sample.out == b"x\n" and sample.total_ms < 400


def test_a_row_that_fails_or_loses_its_output_stops_the_comparison(start):
    with pytest.raises(Failed, match="wait status"):
        side_by_side(start, [Row("x", "x", ["/bin/false"])], 1)
    with pytest.raises(Failed, match="did not arrive"):
        side_by_side(start, [Row("x", "x", ["/bin/true"])], 1)


def test_every_round_has_every_row(start, tools):
    rows = [Row("probe", "probe", [tools[1]]), Row("true", "true", ["/bin/true"], stamped=False)]
    found = side_by_side(start, rows, 3, warm_up=1)
    assert [len(found[name].total) for name in ("probe", "true")] == [3, 3]
    assert len(found["probe"].attach) == 3 and not found["true"].attach


def series(total, attach=None):
    return measure.Series([total] * 10, [attach] * 10 if attach else [])


def test_ratios_and_budgets():
    processes = results.table(
        {
            "true": series(1.0),
            "nsenter": series(2.0, 1.5),
            "recap_pid": series(4.0, 3.0),
            "recap_name": series(5.0, 3.0),
        }
    )
    ratios = results.ratios({results.PROCESSES: processes}, {}, {})
    assert ratios["total_vs_nsenter"] == 2.0
    assert ratios["total_vs_nsenter_less_spawn"] == 3.0
    assert ratios["attach_vs_nsenter"] == 2.0
    kept = dict((text.partition(",")[0], kept) for text, kept in report.budget_lines(ratios))
    assert kept["attach latency"] is False and kept["turn-around"] is True


def test_the_page_has_the_papers_figures_beside_the_measured_ones():
    row = {"true": series(1.0), "nsenter": series(2.0, 1.5), "recap_name": series(3.0, 2.0)}
    processes = results.table({**row, "recap_pid": series(2.5, 2.0)})
    slower = {"runc_exec": series(20.0, 19.0), "docker_exec": series(75.0, 70.0), "docker_run": series(150.0, 90.0)}
    groups = {results.PROCESSES: processes, results.RUNTIMES: results.table({**row, **slower})}
    slow = {"image_rebuild": [7000.0], "capsule_build": [2500.0]}
    crowded = {state: {name: processes[name] for name in ("nsenter", "recap_pid")} for state in ("without", "with")}
    host = dict.fromkeys(("cpus", "cpu", "virtual", "memory_gib", "kernel", "cgroups", "mounts"), 1)
    host |= {"busy_rounds": 0.0} | dict.fromkeys(("docker", "runc", "nsenter", "buildah"), "1.0")
    summary = results.summary(groups, slow, crowded, host)
    titles = {name: name for rows in groups.values() for name in rows}
    page = report.evaluation(groups, slow, crowded, summary, titles)
    assert "| 83 ms | 75.0 ms |" in page and "| 5.6 s | 7.00 s |" in page
    assert "| 243 ms | **3.00 ms** |" in page and "2.50 s" in page
    assert summary["ratios"]["docker_exec_vs_recap"] == 25.0
    assert "MISSED" not in report.printed(groups, slow, crowded, summary, titles)


def test_calm_waits_no_longer_than_its_patience():
    calm = measure.Calm(patience_s=0.05)
    for _ in range(3):
        calm.wait()
    assert calm.rounds == 3 and calm.patience_s > -0.2
