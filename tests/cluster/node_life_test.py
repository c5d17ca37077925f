# SPDX-License-Identifier: Apache-2.0
"""The life of a Caplet in a real cluster: deletions that Escape first, what it goes on with while the API server or
containerd is away, ceilings on how many at once, Events on pods."""

import json
import shutil
import signal
import time

import pytest

from cluster.node_caplet import QUICK, create, finished, path_of, run_on, shell
from testlib.caplet import capsule, event, periodic
from testlib.fixtures import rounds
from testlib.waiting import until

POLICY = "/apis/recap.dev/v1alpha1/capsulepolicies/node-life"
FINALIZER = "recap.dev/escape"


@pytest.fixture(scope="module", autouse=True)
def ceiling(cluster):
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "node-life"},
            "spec": {"namespaceSelector": {}, "appliesTo": ["Capsule"], "images": ["*"]}}  # fmt: skip
    assert cluster.admin.create(item).ok
    yield
    cluster.admin.delete(POLICY)


def sleeper(cluster, namespace, tools, name="sleeper", **spec):
    item = capsule(name, tools, {"type": "Continuous"}, **shell("exec sleep 7940"), **QUICK, **spec)
    return create(cluster, namespace, item)


def meta(cluster, path):
    answer = cluster.admin.get(path)
    return answer.body["metadata"] if answer.ok else None


# --- deletion ---


def test_a_run_that_is_deleted_escapes_before_its_object_goes(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "stubborn", "web",
                  {"image": tools, **shell("trap '' TERM; while :; do sleep 0.1; done"),
                   "terminationGracePeriodSeconds": 2})  # fmt: skip
    run = caplet.wait_for("a run has started", trigger="OnDemand")["run"]
    assert meta(cluster, path)["finalizers"] == [FINALIZER]
    began = time.monotonic()
    assert cluster.admin.delete(path).ok
    while found := meta(cluster, path):
        assert found["deletionTimestamp"] and time.monotonic() - began < 30
    assert caplet.said("a run has ended", run=run, reason="Stopped") and not caplet.recap.live()
    assert time.monotonic() - began > 1.9, "it went before the grace period was over"


def test_a_deletion_waits_for_the_next_caplet(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "orphan", "web", {"image": tools, **shell("sleep 7941"), **QUICK})
    run = caplet.wait_for("a run has started", trigger="OnDemand")["run"]
    caplet.end(signal.SIGKILL)
    assert cluster.admin.delete(path).ok
    time.sleep(0.5)
    assert meta(cluster, path) and [live["id"] for live in caplet.recap.live()] == [run]
    caplet.start()
    until(lambda: meta(cluster, path) is None, what="end of the object")
    assert caplet.said("a run has ended", run=run, reason="Stopped") and not caplet.recap.live()


def test_what_has_ended_is_held_by_nobody(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "done", "web", {"image": tools, **shell("true")})
    assert finished(cluster, path)["phase"] == "Succeeded"
    until(lambda: not meta(cluster, path).get("finalizers"), what="removal of the finalizer")
    caplet.end()
    assert cluster.admin.delete(path).ok and meta(cluster, path) is None


# --- without the API server ---


def test_a_caplet_that_starts_without_the_api_server_goes_on(cluster, caplet, namespace, tools, web):
    tick = create(cluster, namespace, capsule("tick", tools, periodic(), **shell("true")))
    sleeping = sleeper(cluster, namespace, tools)
    caplet.start()
    run = caplet.wait_for("a run has started", **sleeping)["run"]
    caplet.wait_for("a run has ended", **tick)
    caplet.end(signal.SIGKILL)
    cluster.stop_apiserver()
    try:
        caplet.start()
        caplet.wait_for("a run has ended", rounds(gate=4, soak=600), timeout=rounds(gate=15, soak=700), exitCode=0,
                        **tick)  # fmt: skip
        assert caplet.get("/readyz")[0] == 200
        assert not caplet.said("a run has started", **sleeping) and not caplet.said("a run has ended", **sleeping)
        # Without what an earlier Caplet has read it waits, and leaves alone what runs.
        caplet.end(signal.SIGKILL)
        shutil.rmtree(caplet.recap.data / "caplet/cache")
        caplet.start()
        caplet.wait_for("the API server cannot be watched; what was declared before still holds", 3)
        assert caplet.get("/readyz")[0] == 503 and run in [live["id"] for live in caplet.recap.live()]
    finally:
        cluster.start_apiserver()
    until(lambda: caplet.get("/readyz")[0] == 200, 60)
    assert cluster.admin.delete(path_of(namespace, "capsules", "sleeper")).ok
    caplet.wait_for("a run has ended", run=run, reason="Stopped", timeout=60)


def test_what_was_deleted_while_both_were_away_escapes_when_they_are_back(cluster, caplet, namespace, tools, web):
    sleeping = sleeper(cluster, namespace, tools)
    caplet.start()
    run = caplet.wait_for("a run has started", **sleeping)["run"]
    caplet.end()
    assert cluster.admin.delete(path_of(namespace, "capsules", "sleeper")).ok
    cluster.stop_apiserver()
    try:
        caplet.start()
        until(lambda: caplet.get("/readyz")[0] == 200)
        assert not caplet.said("a run has ended", run=run)
    finally:
        cluster.start_apiserver()
    caplet.wait_for("a run has ended", run=run, reason="Stopped", timeout=60)


def test_a_restart_does_not_end_runs_that_depend_on_labels_of_the_namespace(cluster, caplet, namespace, tools, web):
    labels = {"metadata": {"labels": {"team": namespace}}}
    assert cluster.admin.patch(f"/api/v1/namespaces/{namespace}", labels).ok
    item = capsule("wide", tools, {"type": "Continuous"}, **shell("exec sleep 7942"), **QUICK)
    item["kind"], item["spec"]["namespaceSelector"] = "ClusterCapsule", {"matchLabels": {"team": namespace}}
    policy = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "wide"},
              "spec": {"namespaceSelector": {"matchLabels": {"team": namespace}},
                       "appliesTo": ["ClusterCapsule"], "images": ["*"]}}  # fmt: skip
    try:
        assert cluster.admin.create(policy).ok
        answer = cluster.admin.create(item)
        assert answer.ok, answer.message
        caplet.start()
        run = caplet.wait_for("a run has started")["run"]
        caplet.end()
        caplet.start()
        caplet.wait_for("adopting a run", run=run)
        time.sleep(1)
        assert not caplet.said("stopping a run") and [live["id"] for live in caplet.recap.live()] == [run]
    finally:
        cluster.admin.delete("/apis/recap.dev/v1alpha1/clustercapsules/wide")
        cluster.admin.delete("/apis/recap.dev/v1alpha1/capsulepolicies/wide")


# --- the node ---


def test_containerd_is_restarted(cluster, node, caplet, namespace, tools, web, pause_image):
    sleeping = sleeper(cluster, namespace, tools)
    late = {"matchLabels": {"app": "late"}}
    scan = create(cluster, namespace, capsule("scan", tools, event("ContainerStarted"), late, **shell("echo scanned")))
    tick = create(cluster, namespace, capsule("tick", tools, periodic(), **shell("true")))
    caplet.start()
    run = caplet.wait_for("a run has started", **sleeping)["run"]
    node.containerd.stop()
    try:
        count = len(caplet.said("a run has ended", **tick))
        caplet.wait_for("a run has ended", count + 2, exitCode=0, **tick)
    finally:
        node.start_containerd()
        node.wait_for_containerd()
    cluster.run_pod("late", pause_image, namespace, labels={"app": "late"})
    caplet.wait_for("a run has ended", exitCode=0, timeout=30, **scan)
    assert run in [live["id"] for live in caplet.recap.live()] and not caplet.said("a run has ended", run=run)


# --- ceilings and Events ---


def test_a_policy_says_how_many_run_at_once(cluster, caplet, namespace, tools, web, pause_image):
    cluster.run_pod("web-2", pause_image, namespace, labels={"app": "web"})
    for name in ("one", "two", "three"):
        sleeper(cluster, namespace, tools, name)

    def limit(**most):
        assert cluster.admin.patch(POLICY, {"spec": {"max": most}}).ok

    def live_after(seconds):
        time.sleep(seconds)
        return [sum(line["target"].split("/")[2] == pod for line in caplet.said("a run has started"))
                for pod in ("web", "web-2")]  # fmt: skip

    try:
        limit(runsPerTarget=1, runsPerNode=100)
        caplet.start()
        caplet.wait_for("a run has started", 2)
        assert live_after(1) == [1, 1]
        limit(runsPerTarget=8, runsPerNode=3)
        caplet.wait_for("a run has started", 3)
        assert sum(live_after(1)) == 3 and not caplet.said("a run was refused")
        # The next Caplet counts what it adopts.
        caplet.end()
        caplet.start()
        caplet.wait_for("adopting a run", 3)
        assert sum(live_after(1)) == 0
    finally:
        limit(runsPerTarget=8, runsPerNode=100)
    caplet.wait_for("a run has started", 3)


def test_events_on_the_pod_where_the_capsule_says_so(cluster, caplet, namespace, tools, web):
    pod = f"/api/v1/namespaces/{namespace}/pods/web"
    version = meta(cluster, pod)["resourceVersion"]
    for name, switched in (("loud", {"podEvents": True}), ("quiet", {})):
        create(cluster, namespace, capsule(name, tools, event("ContainerStarted"), **shell("exit 3"), **switched))
    caplet.start()
    caplet.wait_for("a run has ended", 2)

    def told():
        items = cluster.admin.get(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events").body["items"]
        ours = [each for each in items if each.get("reportingController") == "recap.dev/caplet"]
        return len(ours) >= 3 and ours

    ours = until(told, what="three Events")
    on_pod = [each for each in ours if each["regarding"]["kind"] == "Pod"]
    assert len(ours) == 3 and len(on_pod) == 1 and "Capsule loud" in on_pod[0]["note"], ours
    assert on_pod[0]["regarding"]["uid"] == meta(cluster, pod)["uid"] and on_pod[0]["reason"] == "RunFailed"
    assert meta(cluster, pod)["resourceVersion"] == version


def test_the_audit_log_says_who_ran_what_and_what_was_refused(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "mine", "web",
                  {"image": tools, **shell("exit 4"), "grant": {"capabilities": ["KILL"]}})  # fmt: skip
    finished(cluster, path)
    refused = create(cluster, namespace, capsule("trace", tools, event("ContainerStarted"), **shell("true"),
                                                 grant={"capabilities": ["SYS_PTRACE"]}))  # fmt: skip
    caplet.wait_for("a run was refused", **refused)
    log = caplet.recap.data / "caplet/audit.log"
    lines = [json.loads(line) for line in log.read_text().splitlines() if f"/{namespace}/" in line]
    assert [line["event"] for line in lines] == ["RunStarted", "RunEnded", "RunRefused"], lines
    started, ended, denied = lines
    assert started["user"] == "admin" and started["policy"] == "platform" and started["digest"].startswith("sha256:")
    assert started["grant"]["capabilities"] == "KILL" and started["argv"][-1] == "exit 4"
    assert ended["run"] == started["run"] and ended["exitCode"] == 4
    assert denied["object"] == refused["capsule"] and "SYS_PTRACE is not allowed" in denied["message"]
    assert log.stat().st_mode & 0o777 == 0o600
