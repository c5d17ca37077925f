# SPDX-License-Identifier: Apache-2.0
"""The Caplet as a node of a real cluster: with the rights that deploy/ gives it, on real pods. What only the controller
may do (bind a CapsuleRun to its node) the test does with the controller's identity."""

import signal
import time

import pytest

from cluster.node_caplet import QUICK, create, finished, path_of, run_on, shell
from testlib.caplet import capsule, event, periodic
from testlib.waiting import until


@pytest.fixture(scope="module", autouse=True)
def ceiling(cluster):
    """Images that are no function of the catalogue need a policy of their own."""
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "test-images"},
            "spec": {"namespaceSelector": {}, "appliesTo": ["Capsule", "ClusterCapsule"], "images": ["*"],
                     "allow": {"runAs": ["Reserved", "Root"], "readPaths": ["/data"]},
                     "max": {"cpu": "500m", "memory": "256Mi", "activeDeadlineSeconds": 60}}}  # fmt: skip
    assert cluster.admin.create(item).ok
    yield
    cluster.admin.delete("/apis/recap.dev/v1alpha1/capsulepolicies/test-images")


def test_a_run_on_demand_from_its_object_to_its_status(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "once", "web",
                  {"image": tools, **shell("cat /data/deep/file; echo oops >&2; exit 3"),
                   "view": {"paths": [{"path": "/data/deep"}]}, "grant": {"runAs": "Root"}})  # fmt: skip
    status = finished(cluster, path)
    result = status["results"][0]
    assert status["phase"] == "Failed" and status["targets"]["failed"] == 1, status
    assert result["exitCode"] == 3 and result["reason"] == "Exited" and result["pod"] == "web", result
    assert result["outputTail"] == "a file of the target\n" and result["errorTail"] == "oops\n", result
    assert status["conditions"][0]["type"] == "Failed" and status["conditions"][0]["status"] == "True"
    cluster.kubectl("wait", "--for=condition=Failed", "--timeout=5s", "-n", namespace, "capsulerun/once")


def test_kubectl_wait_and_how_long_it_takes(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    times = []
    for number in range(5):
        began = time.monotonic()
        path = run_on(cluster, as_controller, namespace, f"once-{number}", "web", {"image": tools, **shell("echo hi")})
        status = finished(cluster, path)
        times.append(time.monotonic() - began)
        assert status["phase"] == "Succeeded" and status["results"][0]["outputTail"] == "hi\n", status
    cluster.kubectl("wait", "--for=condition=Complete", "--timeout=5s", "-n", namespace, "capsulerun/once-0")
    rss = next(line for line in open(f"/proc/{caplet.child.pid}/status") if line.startswith("VmRSS"))
    print("object made, bound, run, status read:", [f"{each * 1000:.0f} ms" for each in times], rss.strip())
    assert int(rss.split()[1]) < 20 * 1024, rss


def test_a_capsule_reaches_the_pods_of_its_namespace_alone(cluster, caplet, namespace, tools, web, pause_image):
    other = cluster.run_pod("db", pause_image, namespace, labels={"app": "db"})
    assert other
    tick = create(cluster, namespace, capsule("tick", tools, periodic(), **shell("echo $RECAP_TARGET")))
    create(cluster, "default", capsule("elsewhere", tools, periodic(), **shell("true")))
    caplet.start()
    line = caplet.wait_for("a run has ended", 2, **tick)
    assert line["target"].startswith(f"pod/{namespace}/web/"), line
    assert not [each for each in caplet.said("a run has started") if "elsewhere" in each["capsule"]]
    cluster.admin.delete(path_of("default", "capsules", "elsewhere"))


def test_events_of_a_pod_that_comes_later(cluster, caplet, namespace, tools, pause_image):
    scan = create(cluster, namespace, capsule("scan", tools, event("ContainerStarted"), **shell("echo scanned")))
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    cluster.run_pod("late", pause_image, namespace, labels={"app": "web"})
    line = caplet.wait_for("a run has ended", **scan)
    assert line["exitCode"] == 0 and line["target"].startswith(f"pod/{namespace}/late/"), line


def test_continuous_until_the_label_goes_or_the_capsule(cluster, caplet, namespace, tools, web):
    exporter = create(cluster, namespace,
                      capsule("exporter", tools, {"type": "Continuous"}, **shell("sleep 7930"), **QUICK))  # fmt: skip
    caplet.start()
    caplet.wait_for("a run has started", **exporter)
    pod = f"/api/v1/namespaces/{namespace}/pods/web"
    assert cluster.admin.patch(pod, {"metadata": {"labels": {"app": "other"}}}).ok
    caplet.wait_for("a run has ended", reason="Stopped", **exporter)
    assert cluster.admin.patch(pod, {"metadata": {"labels": {"app": "web"}}}).ok
    caplet.wait_for("a run has started", 2, **exporter)
    version = cluster.admin.get(pod).body["metadata"]["resourceVersion"]
    assert cluster.admin.delete(path_of(namespace, "capsules", "exporter")).ok
    caplet.wait_for("a run has ended", 2, reason="Stopped", **exporter)
    assert cluster.admin.get(pod).body["metadata"]["resourceVersion"] == version


def test_ceilings(cluster, caplet, namespace, tools, web):
    caplet.start()
    for name, spec, why in (
        ("trace", {"grant": {"capabilities": ["SYS_PTRACE"]}}, "test-images: capability SYS_PTRACE is not allowed"),
        ("look", {"view": {"paths": [{"path": "/etc"}]}}, "test-images: path /etc is not allowed"),
        ("write", {"view": {"paths": [{"path": "/data/deep", "writable": True}]}}, "is not allowed to be written"),
        ("all", {"view": {"root": "target"}}, "view target is not allowed"),
        ("big", {"resources": {"limits": {"memory": "512Mi"}}}, "memory exceeds the limit of the policy"),
    ):
        refused = create(cluster, namespace, capsule(name, tools, event("ContainerStarted"), **shell("true"), **spec))
        assert why in caplet.wait_for("a run was refused", **refused)["why"]
        events = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        until(lambda: [each for each in cluster.admin.get(events).body["items"] if why in each.get("note", "")],
              10, f"{why} as an Event")  # fmt: skip
        assert not caplet.said("a run has started", **refused)


def test_a_user_without_the_right_is_told_so(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun",
            "metadata": {"name": "mine", "namespace": namespace},
            "spec": {"podName": "web", "image": tools, "requestedBy": "admin"}}  # without the group that has the right
    create(cluster, namespace, item)
    uid = cluster.admin.get(f"/api/v1/namespaces/{namespace}/pods/web").body["metadata"]["uid"]
    path = path_of(namespace, "capsuleruns", "mine")
    as_controller("PATCH", path, {"spec": {"nodeName": "node1", "podUID": uid}},
                  content_type="application/merge-patch+json")  # fmt: skip
    status = finished(cluster, path)
    assert status["conditions"][0]["reason"] == "Denied" and "may not create" in status["conditions"][0]["message"]
    assert not caplet.said("a run has started", trigger="OnDemand")


def test_killed_and_started_again_it_tells_what_ended_meanwhile(cluster, caplet, namespace, tools, web, as_controller):
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "long", "web", {"image": tools, **shell("sleep 1; echo done")})
    caplet.wait_for("a run has started", trigger="OnDemand")
    caplet.end(signal.SIGKILL)
    until(lambda: not caplet.recap.live())
    assert cluster.admin.get(path).body.get("status", {}).get("phase") in (None, "Running")
    caplet.start()
    status = finished(cluster, path)
    assert status["phase"] == "Succeeded" and status["results"][0]["outputTail"] == "done\n"
    assert not caplet.said("a run has started", trigger="OnDemand")


def test_a_pod_that_is_deleted_mid_run(cluster, caplet, namespace, tools, as_controller, pause_image):
    caplet.start()
    cluster.run_pod("short", pause_image, namespace, labels={"app": "short"})
    path = run_on(cluster, as_controller, namespace, "mid-run", "short",
                  {"image": tools, **shell("sleep 600"), **QUICK})  # fmt: skip
    caplet.wait_for("a run has started", trigger="OnDemand")
    cluster.kubectl("delete", "pod", "short", "-n", namespace, "--grace-period=0", "--force")
    status = finished(cluster, path)
    assert status["conditions"][0]["reason"] == "TargetGone", status


def test_a_pod_that_stops_being_ready(cluster, caplet, namespace, tools, pause_image):
    source = {"type": "PodNotReady", "podNotReady": {"forSeconds": 1}}
    capture = create(cluster, namespace, capsule("capture", tools, event(source), {"matchLabels": {"app": "sick"}},
                                                 **shell("echo why")))  # fmt: skip
    probe = {"exec": {"command": ["/probe", "exists", "/tmp/healthy"]}, "periodSeconds": 1, "failureThreshold": 1}
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "sick", "namespace": namespace, "labels": {"app": "sick"}},
           "spec": {"containers": [{"name": "main", "image": pause_image, "imagePullPolicy": "Never",
                                    "readinessProbe": probe}]}}  # fmt: skip
    assert cluster.admin.create(pod).ok
    caplet.start()
    line = caplet.wait_for("a run has ended", timeout=40, **capture)
    assert line["exitCode"] == 0 and caplet.said("a run has started", **capture)[0]["trigger"] == "PodNotReady"


def test_its_nodes_object_says_how_each_capsule_fares(cluster, caplet, namespace, tools, web):
    failing = create(cluster, namespace, capsule("failing", tools, periodic(), **shell("exit 3")))
    caplet.start()
    caplet.wait_for("a run has ended", **failing)

    def told():
        node = cluster.admin.get("/apis/recap.dev/v1alpha1/capsulenodes/node1")
        capsules = node.body.get("status", {}).get("capsules", []) if node.ok else []
        return [each for each in capsules if each["namespace"] == namespace and each["failed"]] and node.body
    node = until(told, 40, "status of the CapsuleNode")
    failed = next(each for each in node["status"]["capsules"] if each["namespace"] == namespace)
    assert failed["name"] == "failing" and failed["matched"] == 1 and failed["worst"][0]["pod"] == "web", failed
    assert failed["lastFailure"]["exitCode"] == 3 and failed["lastScheduleTime"], failed
    assert node["metadata"]["ownerReferences"][0]["kind"] == "Node"
    assert node["status"]["versions"]["kernel"] and node["status"]["conditions"][0]["type"] == "Ready"


# These come last: a controller manager takes its time to notice that the API server is back.


def test_without_the_api_server_policies_go_on(cluster, caplet, namespace, tools, web, as_controller):
    tick = create(cluster, namespace, capsule("tick", tools, periodic(), **shell("true")))
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "long", "web", {"image": tools, **shell("sleep 2")})
    caplet.wait_for("a run has started", trigger="OnDemand")
    cluster.stop_apiserver()
    try:
        count = len(caplet.said("a run has ended", **tick))
        caplet.wait_for("a run has ended", count + 5, **tick)
    finally:
        cluster.start_apiserver()
    assert finished(cluster, path)["phase"] == "Succeeded"


def test_an_end_that_the_api_server_was_not_told_is_told_by_the_next(cluster, caplet, namespace, tools, web,
                                                                     as_controller):  # fmt: skip
    caplet.start()
    path = run_on(cluster, as_controller, namespace, "later", "web", {"image": tools, **shell("sleep 1")})
    run = caplet.wait_for("a run has started", trigger="OnDemand")["run"]
    cluster.stop_apiserver()
    try:
        caplet.wait_for("a run has ended", run=run)
        caplet.end(signal.SIGKILL)
    finally:
        cluster.start_apiserver()
    assert cluster.admin.get(path).body["status"]["phase"] == "Running"
    caplet.start()
    assert finished(cluster, path)["phase"] == "Succeeded"
    assert not caplet.said("a run has started", trigger="OnDemand")
