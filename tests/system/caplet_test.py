# SPDX-License-Identifier: Apache-2.0
"""What a Caplet leaves when it ends in whatever way, and what the next one makes of it; on plain runc containers,
whose labels are their annotations."""

import collections
import json
import os
import random
import signal
import subprocess
import time

import pytest
import yaml

from testlib import proc
from testlib.caplet import Caplet, capsule, capsule_run, event, periodic
from testlib.fixtures import rounds
from testlib.waiting import until

QUICK = {"terminationGracePeriodSeconds": 0}
MANY = {"history": {"successful": 100, "failed": 100}}


@pytest.fixture
def caplet(recap, toolbox, tmp_path):
    caplet = Caplet(recap, tmp_path)
    yield caplet
    caplet.clean()


@pytest.fixture
def webs(runc, lean):
    containers = [runc.run(lean, annotations={"app": "web"}) for _ in range(3)]
    yield containers
    for container in containers:
        container.remove()


def shell(script, **spec):
    return {"command": ["/bin/sh", "-c", script], **spec}


def sleeper(caplet, toolbox, name="sleeper", seconds=7910):
    caplet.declare(capsule(name, toolbox, {"type": "Continuous"}, **shell(f"exec sleep {seconds}"), **QUICK))


def live_ids(caplet):
    return sorted(run["id"] for run in caplet.recap.live())


def records(caplet, requester):
    """The records of ended runs of one Capsule."""
    listed = json.loads(caplet.recap("ps", "--all", "-o", "json").stdout)
    return [record for record in listed if record.get("requester") == requester and "exit" in record]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_caplet_adopts_the_runs_of_the_last(caplet, toolbox, webs, number):
    sleeper(caplet, toolbox)
    caplet.start()
    caplet.wait_for("a run has started", 3)
    before = live_ids(caplet)
    code = caplet.end(number)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    assert len(before) == 3 and live_ids(caplet) == before
    caplet.start()
    caplet.wait_for("adopting a run", 3)
    until(lambda: caplet.get("/readyz")[0] == 200)
    time.sleep(0.5)
    assert live_ids(caplet) == before and not caplet.said("a run has started")
    caplet.withdraw("sleeper")
    caplet.wait_for("a run has ended", 3)
    assert not caplet.recap.live() and not caplet.state()


def test_a_run_that_ended_meanwhile_is_counted_when_the_next_one_starts(caplet, toolbox, webs):
    caplet.declare(capsule_run("once", toolbox, None, **shell("sleep 0.3; echo done; exit 7")))
    caplet.start()
    caplet.wait_for("a run has started", 3)
    caplet.end(signal.SIGKILL)
    until(lambda: not caplet.recap.live())
    caplet.start()
    caplet.wait_for("a run has ended", 3, exitCode=7, reason="Exited")
    until(lambda: sum(state["failed"] for state in caplet.state().values()) == 3)
    time.sleep(0.5)
    assert not caplet.said("a run has started")


def test_what_was_withdrawn_while_nobody_looked_escapes(caplet, toolbox, webs):
    sleeper(caplet, toolbox)
    caplet.start()
    caplet.wait_for("a run has started", 3)
    caplet.end(signal.SIGKILL)
    caplet.withdraw("sleeper")
    caplet.start()
    caplet.wait_for("a run has ended", 3, reason="Stopped")
    until(lambda: not caplet.state())


def test_a_keeper_that_is_killed_is_cleaned_up_and_attached_again(caplet, toolbox, webs):
    execution = {"type": "Continuous", "continuous": {"backoffSeconds": 1}}
    caplet.declare(capsule("exporter", toolbox, execution, **shell("exec sleep 7911"), **QUICK))
    caplet.start()
    line = caplet.wait_for("a run has started", 3)
    until(lambda: [run["status"] for run in caplet.recap.live()] == ["Running"] * 3)
    keeper = next(run["keeper_pid"] for run in caplet.recap.live() if run["id"] == line["run"])
    os.kill(keeper, signal.SIGKILL)
    assert caplet.wait_for("a run has ended", run=line["run"])["reason"] == "KeeperGone"
    caplet.wait_for("a run has started", 4)
    until(lambda: len(caplet.recap.live()) == 3)


def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(caplet, toolbox, webs):
    caplet.declare(capsule("killed-tick", toolbox, periodic("@every 1s"),
                           **shell("echo $RECAP_TARGET $RECAP_SCHEDULED"), **MANY))  # fmt: skip
    caplet.declare(capsule("killed-tock", toolbox, periodic("@every 1s", concurrencyPolicy="Forbid"),
                           **shell("echo $RECAP_TARGET $RECAP_SCHEDULED; sleep 0.7"), **MANY))  # fmt: skip
    sleeper(caplet, toolbox)
    for _ in range(rounds(gate=12, soak=100)):
        caplet.start()
        # Most of what happens, happens just after a full second.
        time.sleep(random.choice([0.02, 0.1, 0.3, 0.9]) + 1 - time.time() % 1 + random.random() * 0.02)
        caplet.end(signal.SIGKILL)
    sleeping = live_ids(caplet)
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    caplet.withdraw("killed-tick")
    caplet.withdraw("killed-tock")
    until(lambda: len(caplet.state()) == 3 and len(caplet.recap.live()) == 3, timeout=20)
    assert {run["id"] for run in caplet.recap.live()} <= set(sleeping)
    for name in ("killed-tick", "killed-tock"):
        ended = records(caplet, f"Capsule/{name}")
        outputs = collections.Counter(caplet.output(record["id"]) for record in ended)
        outputs.pop("", None)  # of what was stopped before it said anything
        assert len(ended) >= 3 and max(outputs.values()) == 1, outputs  # a doubled start has the same words
        reasons = collections.Counter(record["exit"]["reason"] for record in ended)
        assert reasons["Exited"] + (reasons["Stopped"] if name == "killed-tock" else 0) == len(ended), reasons
        counted = {line["run"] for line in caplet.log() if line.get("msg") == "a run has ended"}
        assert {record["id"] for record in ended} <= counted, "a run's end was told to nobody"


def test_a_keeper_does_not_notice_that_its_caplet_is_gone(caplet, toolbox, webs):
    caplet.declare(capsule_run("once", toolbox, None, **shell("sleep 1; echo all of it")))
    caplet.start()
    runs = [caplet.wait_for("a run has started", count)["run"] for count in (1, 2, 3)]
    caplet.end(signal.SIGKILL)
    until(lambda: not caplet.recap.live())
    assert {caplet.output(run) for run in runs} == {"all of it\n"}


def test_ceilings_hold_and_what_is_due_waits_its_turn(caplet, toolbox, webs):
    for number in range(4):
        caplet.declare(capsule_run(f"once-{number}", toolbox, None, **shell("sleep 0.4")))
    caplet.start("--max-runs-per-target", "2", "--max-runs-per-node", "5")
    caplet.wait_for("a run has ended", 12, timeout=30)
    alive, most = collections.Counter(), collections.Counter()
    for line in caplet.log():
        step = {"a run has started": 1, "a run has ended": -1}.get(line.get("msg"), 0)
        if step:
            for key in (line["target"], "node"):
                alive[key] += step
                most[key] = max(most[key], alive[key])
    assert most.pop("node") == 5 and set(most.values()) == {2}, most
    assert caplet.metric("recap_throttled_total") > 0


def test_a_policy_that_is_always_due_leaves_room_for_the_others(caplet, toolbox, webs):
    """One place for three targets, at each of which the next run is due before the last has ended."""
    every = periodic("@every 1s", concurrencyPolicy="Forbid")
    caplet.declare(capsule("greedy", toolbox, every, **shell("sleep 1.2"), **QUICK))
    caplet.start("--max-runs-per-node", "1")
    until(lambda: len({line["target"] for line in caplet.said("a run has started")}) == 3, 20)


def test_parallelism_of_a_run_on_demand(caplet, toolbox, webs):
    caplet.declare(capsule_run("one-by-one", toolbox, None, parallelism=1, **shell("sleep 0.2")))
    caplet.start()
    caplet.wait_for("a run has ended", 3)
    steps = [line["msg"] for line in caplet.log() if line.get("msg", "").startswith("a run has")]
    assert steps == ["a run has started", "a run has ended"] * 3


def test_a_deadline_and_a_failed_run_that_is_tried_again(caplet, toolbox, webs):
    caplet.declare(capsule_run("late", toolbox, None, activeDeadlineSeconds=1, **shell("sleep 60"), **QUICK))
    caplet.start()
    line = caplet.wait_for("a run has ended", 3, capsule="CapsuleRun/late")
    assert line["exitCode"] == 124 and line["reason"] == "DeadlineExceeded"


def test_suspend_starts_nothing_and_leaves_alone_what_runs(caplet, toolbox, webs):
    caplet.declare(capsule("tick", toolbox, periodic(), **shell("sleep 30"), **QUICK))
    caplet.start()
    caplet.wait_for("a run has started", 3)
    caplet.declare(capsule("tick", toolbox, periodic(), suspend=True, **shell("sleep 30"), **QUICK))
    time.sleep(0.6)
    runs = live_ids(caplet)
    time.sleep(2.1)
    assert runs and live_ids(caplet) == runs


def test_drain_ends_every_run_and_nothing_starts_until_the_next_caplet(caplet, toolbox, webs):
    sleeper(caplet, toolbox)
    caplet.declare(capsule("tick", toolbox, periodic(), **shell("true"), **QUICK))
    caplet.start()
    caplet.wait_for("a run has started", 3, capsule="Capsule/sleeper")
    done = subprocess.run([caplet.program, "drain"], env=caplet.recap.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    until(lambda: not caplet.recap.live())
    started = len(caplet.said("a run has started"))
    time.sleep(1.5)
    assert not caplet.recap.live() and len(caplet.said("a run has started")) == started
    caplet.end()
    caplet.start()
    caplet.wait_for("a run has started", 3, capsule="Capsule/sleeper")


def test_drain_without_a_caplet(caplet, toolbox, webs):
    sleeper(caplet, toolbox)
    caplet.start()
    caplet.wait_for("a run has started", 3)
    caplet.end(signal.SIGKILL)
    done = subprocess.run([caplet.program, "drain"], env=caplet.recap.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not caplet.recap.live(), done


def test_there_is_one_caplet_only(caplet, toolbox, webs):
    caplet.start()
    second = subprocess.run([caplet.program, "--manifests", caplet.manifests, "--listen", ""], env=caplet.recap.env,
                            capture_output=True, text=True, timeout=10)  # fmt: skip
    assert second.returncode == 125 and "another Caplet works with" in second.stderr, second


def test_run_now(caplet, toolbox, webs):
    nightly = capsule("nightly", toolbox, periodic("0 3 1 1 *"), **shell("echo now"))
    caplet.declare(nightly)
    caplet.start()
    until(lambda: len(caplet.state()) == 3)
    nightly["metadata"]["annotations"] = {"recap.dev/run-now": "please"}
    caplet.declare(nightly)
    caplet.wait_for("a run has ended", 3)
    assert {line["trigger"] for line in caplet.started("nightly")} == {"RunNow"}
    caplet.end()
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    time.sleep(0.5)
    assert not caplet.said("a run has started")


def test_artifacts_go_to_the_store_that_the_administrator_named(caplet, toolbox, webs, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    caplet.declare(capsule_run("keep", toolbox, None, artifacts={"store": "local", "maxSize": "1Mi"},
                               **shell("echo $RECAP_TARGET > /out/name")))  # fmt: skip
    caplet.declare(capsule_run("nowhere", toolbox, None, artifacts={"store": "other"}, **shell("true")))
    caplet.start("--store", f"local={store}")
    caplet.wait_for("a run has ended", 3, capsule="CapsuleRun/keep", exitCode=0)
    assert "no store 'other'" in caplet.wait_for("a run was refused", 3, capsule="CapsuleRun/nowhere")["why"]
    names = sorted(path.read_text().strip() for path in store.rglob("name"))
    assert names == sorted(line["target"] for line in caplet.said("a run has ended"))


def test_memory_pressure_of_the_target(caplet, runc, lean, toolbox):
    hungry = runc.run(lean, annotations={"app": "web"}, memory=32 << 20)
    try:
        caplet.declare(capsule("snapshot", toolbox, event("MemoryPressure"), **shell("echo full")))
        caplet.start()
        until(lambda: caplet.state())
        time.sleep(2.5)
        assert not caplet.said("a run has started")
        # Anonymous memory that is charged to the target.
        cgroup = next(path for path in proc.cgroups(hungry.pid) if (path / "memory.stat").exists())
        script = "x = bytearray(30 << 20); import time; time.sleep(30)"
        eater = subprocess.Popen(["python3", "-c", f"open('{cgroup}/cgroup.procs', 'w').write('0'); {script}"])
        try:
            line = caplet.wait_for("a run has ended")
            assert line["exitCode"] == 0
            assert caplet.started("snapshot")[0]["trigger"] == "MemoryPressure"
        finally:
            eater.kill()
            eater.wait()
    finally:
        hungry.remove()


def test_many_that_are_declared_at_once_all_run_once(caplet, toolbox, webs):
    count = rounds(gate=100, soak=1000)
    manifests = [capsule_run(f"once-{number}", toolbox, None, **shell("echo $RECAP_CAPSULE $RECAP_TARGET"))
                 for number in range(count)]  # fmt: skip
    (caplet.manifests / "all.yaml").write_text(yaml.safe_dump_all(manifests))
    caplet.start("--max-runs-per-target", "20", "--max-runs-per-node", "50")
    caplet.wait_for("a run has ended", 3 * count, timeout=rounds(gate=120, soak=900))
    ended = caplet.said("a run has ended", exitCode=0, residue=0)
    assert len({(line["capsule"], line["target"]) for line in ended}) == len(ended) == 3 * count
    assert len(caplet.said("a run has started")) == 3 * count
    (caplet.manifests / "all.yaml").unlink()
    until(lambda: not caplet.state())


def test_what_is_wrong_with_a_manifest_is_said_when_it_is_read(caplet, toolbox):
    caplet.declare(capsule("typo", toolbox, periodic("61 * * * *")))
    caplet.declare(capsule("tiny", toolbox, periodic(), resources={"limits": {"memory": "1Ki"}}))
    caplet.start()  # and no container has that label
    caplet.wait_for("a manifest is wrong; what it said before still holds", 2)
    said = {line["file"]: line["why"] for line in caplet.said("a manifest is wrong; what it said before still holds")}
    assert "Capsule typo: spec.execution.periodic: the minute '61' of the schedule" in said["typo.yaml"], said
    assert "Capsule tiny: spec.resources.limits: no program starts within" in said["tiny.yaml"], said


def test_idle_it_takes_little(caplet, toolbox, webs):
    for number in range(20):
        caplet.declare(capsule(f"nightly-{number}", toolbox, periodic("0 3 1 1 *"), **shell("true")))
    caplet.start()
    until(lambda: len(caplet.state()) == 60)
    time.sleep(3)  # the last look after a change

    def cpu():
        fields = open(f"/proc/{caplet.child.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = cpu()
    time.sleep(10)
    status = open(f"/proc/{caplet.child.pid}/status").read()
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert rss < 20 * 1024 and cpu() - before <= 0.01, (rss, cpu() - before)
