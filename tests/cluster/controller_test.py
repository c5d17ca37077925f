# SPDX-License-Identifier: Apache-2.0
"""recap-controller, with the rights that deploy/ gives it, beside a Caplet on a real node with real pods."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from testlib.waiting import until

pytestmark = pytest.mark.usefixtures("any_image")
SOAK = bool(os.environ.get("RECAP_SOAK"))
TIMES = "%Y-%m-%dT%H:%M:%S"


def condition(status, kind):
    return next((each for each in status.get("conditions", []) if each["type"] == kind), None)


def most_at_once(caplet, app):
    """How many runs whose target's name has `app` lived at the same time, by the Caplet's log."""
    live = most = 0
    for line in caplet.log():
        if app in line.get("target", ""):
            live += {"a run has started": 1, "a run has ended": -1}.get(line["msg"], 0)
            most = max(most, live)
    return most


def moment(line):
    whole, _, part = line["ts"].rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, TIMES)) + float(f"0.{part}")


# --- counting ---

FLEET = """
case $RECAP_TARGET in
*/good-*) usleep 300000 ;;
*/bad-*) usleep 300000; exit 3 ;;
*/absent/*) exec /no/such/command ;;
*/gone/*) sleep 600 ;;
esac
"""


def test_a_mixed_fleet_is_counted_exactly(cluster, space, running_caplet, controller):
    names = [f"good-{i}" for i in range(6)] + ["bad-0", "bad-1", "absent", "gone"]
    space.pods(*names)
    space.run("fleet", FLEET, parallelism=3)
    running_caplet.wait_for("a run has started", timeout=30)
    until(lambda: "/gone/" in str(running_caplet.said("a run has started")), 30, "the run on the pod gone")
    until(lambda: space.status("fleet").get("targets", {}).get("succeeded") == 6, 30, "six that succeed")
    cluster.kubectl("delete", "pod", "gone", "-n", space.name, "--grace-period=0", "--force")
    last = running_caplet.wait_for("a run has ended", 10, timeout=30)
    status = space.ended("fleet")
    seen = time.time()
    assert seen - moment(last) < 2, (seen, last)
    assert status["phase"] == "Failed", status
    counts = {"total": 10, "pending": 0, "active": 0, "succeeded": 6, "failed": 4, "skipped": 0}
    reasons = {"Exited": 2, "NotFound": 1, "TargetGone": 1}
    assert status["targets"] == {**counts, "reasons": reasons}, status["targets"]
    assert condition(status, "Failed")["message"] == "6 of 10 targets succeeded: 2 Exited, 1 NotFound, 1 TargetGone"
    assert condition(status, "Bound")["status"] == "True" and not condition(status, "Complete")
    results = {each["pod"]: each["exitCode"] for each in status["results"]}
    assert results == {**{f"good-{i}": 0 for i in range(6)}, "bad-0": 3, "bad-1": 3, "absent": 127, "gone": 125}
    assert [each["exitCode"] for each in status["results"][4:]] == [0] * 6, "failures first"
    assert status["startTime"] and status["completionTime"]
    assert most_at_once(running_caplet, f"pod/{space.name}/") == 3
    cluster.kubectl("wait", "--for=condition=Failed", "--timeout=5s", "-n", space.name, "capsulerun/fleet")
    # Deleting the run deletes its parts.
    assert cluster.admin.delete(space.path("capsuleruns", "fleet")).ok
    until(lambda: not space.parts("fleet"), 20, "deletion of the parts")


def test_no_match_is_said_at_once(cluster, space, controller):
    began = time.monotonic()
    space.run("nobody", selector={"matchLabels": {"app": "none"}})
    status = space.ended("nobody", 10)
    assert time.monotonic() - began < 2
    assert status["phase"] == "Failed" and status["targets"]["total"] == 0
    for kind in ("NoTargets", "Failed"):
        assert condition(status, kind)["reason"] == "NoTargets", status
    assert "no running pod" in condition(status, "NoTargets")["message"]
    cluster.kubectl("wait", "--for=condition=NoTargets", "--timeout=5s", "-n", space.name, "capsulerun/nobody")
    space.run("no-pod", podName="web-7")
    status = space.ended("no-pod", 10)
    assert condition(status, "NoTargets")["message"] == f"there is no pod web-7 in namespace {space.name}"
    space.run("no-capsule", capsuleRef={"name": "nothing"})
    assert "no Capsule nothing" in condition(space.ended("no-capsule", 10), "NoTargets")["message"]


def test_one_pod_by_name_and_a_selector_that_finds_one(space, running_caplet, controller):
    space.pods("web")
    space.run("one", "echo hello; exit 4", podName="web")
    status = space.ended("one")
    assert space.get("one")["spec"]["nodeName"] == "node1" and not space.parts("one")
    assert status["results"][0]["exitCode"] == 4 and status["results"][0]["outputTail"] == "hello\n", status
    space.run("by-label", "echo hello")
    status = space.ended("by-label")
    assert status["phase"] == "Succeeded" and condition(status, "Complete")["status"] == "True", status
    assert status["results"][0]["outputTail"] == "hello\n", "a run of one target shows its output"
    assert controller.metric("recap_controller_bindings_total") == 2


def test_a_capsule_on_demand_on_its_own_pods_only(space, running_caplet, controller):
    space.pods("fleet-0")
    space.pods("other", app="other")
    space.capsule("who", {"type": "OnDemand"}, "echo $RECAP_TARGET")
    space.run("now", capsuleRef={"name": "who"})
    status = space.ended("now")
    assert status["targets"]["total"] == 1 and "/fleet-0/" in status["results"][0]["outputTail"], status
    space.run("elsewhere", capsuleRef={"name": "who"}, podName="other")
    assert "none of those that who selects" in condition(space.ended("elsewhere"), "NoTargets")["message"]


def test_who_may_not_run_makes_no_part(cluster, space, controller):
    space.pods("web")
    space.run("mine", requestedByGroups=[])  # admin has the right by the group
    status = space.ended("mine", 10)
    assert condition(status, "Failed")["reason"] == "Denied" and "admin may not create" in str(status)
    assert not space.parts("mine")


def test_a_pod_that_is_gone_before_its_turn_is_skipped(cluster, space, running_caplet, controller):
    space.pods("a", "b")
    space.run("in-turn", "[ -e /tmp ] && sleep 600", parallelism=1)
    running_caplet.wait_for("a run has started", timeout=30)
    cluster.kubectl("delete", "pod", "b", "-n", space.name, "--grace-period=0", "--force")
    cluster.kubectl("delete", "pod", "a", "-n", space.name, "--grace-period=0", "--force")
    status = space.ended("in-turn")
    assert status["targets"]["failed"] == 1 and status["targets"]["skipped"] == 1, status["targets"]
    assert status["targets"]["reasons"] == {"TargetGone": 2}
    assert len(running_caplet.said("a run has started")) == 1


# --- two replicas ---


def test_killed_and_replaced_nothing_is_lost_or_doubled(space, running_caplet, replicas):
    one, two = replicas
    one.lead()
    two.start()
    until(lambda: two.get("/readyz")[0] == 200, what="readiness of the one that waits")
    assert two.metric("recap_controller_leading") == 0
    names = [f"pod-{i}" for i in range(6)]
    space.pods(*names)
    space.run("steps", "sleep 1", parallelism=2)
    running_caplet.wait_for("a run has ended", 2, timeout=30)
    one.end(signal.SIGKILL)
    two.wait_for("leading", timeout=30)
    status = space.ended("steps", 60)
    assert status["targets"] == {"total": 6, "pending": 0, "active": 0, "succeeded": 6, "failed": 0, "skipped": 0}
    started = Counter(line["target"].split("/")[2] for line in running_caplet.said("a run has started"))
    assert started == Counter(names), "each once"
    assert len(space.parts("steps")) == 6
    assert most_at_once(running_caplet, f"pod/{space.name}/") == 2


def test_without_a_controller_what_is_bound_ends_and_the_rest_waits(space, running_caplet, replicas):
    space.pods("a", "b")
    space.capsule("tick", {"type": "Periodic", "periodic": {"schedule": "@every 1s"}}, "true")
    one = replicas[0].lead()
    space.run("half", "sleep 2", parallelism=1)
    running_caplet.wait_for("a run has started", timeout=30, trigger="OnDemand")
    one.end(signal.SIGKILL)
    until(lambda: [part for part in space.parts("half") if part.get("status", {}).get("phase") == "Succeeded"], 20)
    ticks = len(running_caplet.said("a run has started", trigger="Schedule"))
    space.run("unbound", podName="a")
    running_caplet.wait_for("a run has started", ticks + 3, trigger="Schedule")
    assert space.status("half").get("phase") in (None, "Pending", "Running")
    assert "nodeName" not in space.get("unbound")["spec"]
    assert len(running_caplet.said("a run has started", trigger="OnDemand")) == 1
    replicas[1].lead()
    assert space.ended("half")["phase"] == "Succeeded" and space.ended("unbound")["phase"] == "Succeeded"


def test_sigterm_hands_the_lease_over_at_once(replicas):
    one, two = replicas
    one.lead()
    two.start()
    until(lambda: two.get("/readyz")[0] == 200)
    assert one.end(signal.SIGTERM) == 0
    began = time.monotonic()
    two.wait_for("leading", timeout=10)
    assert time.monotonic() - began < 2, "shorter than the Lease lasts"


def test_who_was_stopped_and_lost_the_lease_ends(replicas):
    one, two = replicas
    one.lead()
    two.start()
    os.kill(one.child.pid, signal.SIGSTOP)
    try:
        two.wait_for("leading", timeout=30)
    finally:
        os.kill(one.child.pid, signal.SIGCONT)
    assert one.child.wait(10) == 125
    assert "the Lease was lost" in one.log()[-1]["raw"]


# --- cleaning up ---


def stale(cluster, space, number, **spec):
    """A CapsuleRun that has ended a minute ago."""
    name = f"stale-{number}"
    space.run(name, podName="web", **spec)
    ended = time.strftime(TIMES + "Z", time.gmtime(time.time() - 60))
    answer = cluster.admin.patch(space.path("capsuleruns", name) + "/status",
                                 {"status": {"phase": "Succeeded", "completionTime": ended}})  # fmt: skip
    assert answer.ok, answer.message


def test_stale_runs_are_deleted_and_hold_up_nobody(cluster, space, running_caplet, replicas):
    count = 10_000 if SOAK else 300
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: stale(cluster, space, number, ttlSecondsAfterFinished=10), range(count)))
    stale(cluster, space, "kept", ttlSecondsAfterFinished=3600)
    space.pods("web")
    replicas[0].lead()
    began = time.monotonic()
    space.run("now", podName="web")
    assert space.ended("now")["phase"] == "Succeeded" and time.monotonic() - began < 5
    deleted = 'recap_controller_deleted_total{why="ttl"}'
    until(lambda: replicas[0].metric(deleted) == count, count / 10 + 60, "deletion of what is stale")
    assert {each["metadata"]["name"] for each in space.all()} == {"stale-kept", "now"}


def test_a_part_without_its_run_is_deleted(cluster, space, controller):
    space.pods("web")
    space.run("whole")  # and there is no Caplet that would carry it out
    until(lambda: len(space.parts("whole")) == 1, 10, "its part")
    assert cluster.admin.delete(space.path("capsuleruns", "whole") + "?propagationPolicy=Orphan").ok
    until(lambda: not space.parts("whole"), 20, "deletion of the orphan")


# --- sums ---


def test_a_capsule_is_summed_up_and_accepted(cluster, space, running_caplet, controller):
    space.pods("a", "b")
    space.capsule("failing", {"type": "Periodic", "periodic": {"schedule": "@every 1s"}}, "exit 3")

    def summary():
        answer = cluster.admin.get(space.path("capsulesummaries", "failing"))
        status = answer.body.get("status", {}) if answer.ok else {}
        return status if status.get("failed") else None
    status = until(summary, 90, "a summary with failures")
    assert status["matched"] == 2 and status["nodes"] == 1, status
    assert status["lastFailure"]["exitCode"] == 3 and status["worst"][0]["pod"] in ("a", "b"), status
    assert condition(status, "Current")["status"] == "True"
    capsule = cluster.admin.get(space.path("capsules", "failing")).body
    assert condition(capsule["status"], "Accepted")["status"] == "True"
    owner = cluster.admin.get(space.path("capsulesummaries", "failing")).body["metadata"]["ownerReferences"][0]
    assert owner["uid"] == capsule["metadata"]["uid"]
