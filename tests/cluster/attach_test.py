# SPDX-License-Identifier: Apache-2.0
"""recap on this cluster's node, by a pod's name: Kubernetes does not notice that a Capsule was there."""

import json
import re
import time

import pytest

from testlib import host, lab
from testlib.recap import Recap

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
              "runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip


# A warning or an error, as the kubelet and containerd write it.
TROUBLE = re.compile(r"^[WEF]\d{4} |level=(warning|error|fatal)")


@pytest.fixture(scope="module")
def recap(work, node):
    """recap, told where this node's runtime keeps its state, and nothing else."""
    made = Recap(work, node.variables)
    yield made
    made.clean()


@pytest.fixture(scope="module")
def toolbox(work, recap):
    root = lab.toolbox_root(work / "cluster-toolbox")
    return recap.import_image(lab.image("cluster-toolbox", root, work, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"]))


@pytest.fixture
def web(cluster, pause_image, namespace):
    """A pod of a namespace that admits restricted pods only."""
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    assert cluster.admin.patch(f"/api/v1/namespaces/{namespace}", label).ok
    return cluster.run_pod("web", pause_image, namespace, container={"securityContext": RESTRICTED})


def pod_now(cluster, pod):
    return cluster.admin.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}").body


def quiet(cluster, pod):
    """The pod once nobody writes to it any more: the kubelet sends its address and conditions late."""
    def settled():
        before = pod_now(cluster, pod)
        time.sleep(1.5)
        return before if pod_now(cluster, pod) == before else None

    return host.wait_for(settled, "quiet pod")


def test_a_capsule_sees_the_pods_processes_and_network(recap, toolbox, web):
    name = f"pod/{web['metadata']['namespace']}/web"
    done = recap.run(toolbox, name, "ps", "-eo", "pid,comm")
    assert done.returncode == 0, done.stderr
    assert b"1 pause" in done.stdout
    done = recap.run(toolbox, f"{name}/main", "ip", "-4", "address")
    assert web["status"]["podIP"].encode() in done.stdout
    assert recap.run(toolbox, name, "sh", "-c", "exit 42").returncode == 42


def test_kubernetes_notices_nothing(cluster, node, recap, toolbox, web):
    before = quiet(cluster, web)
    logs = {path: path.stat().st_size for path in node.logs().values()}
    audited = cluster.audit_log.stat().st_size
    name = f"pod/{web['metadata']['namespace']}/web"
    for _ in range(10):
        assert recap.run(toolbox, name, "true").returncode == 0
    assert recap.run(toolbox, name, "ls", "/target", flags=["--view", "target"]).returncode == 0
    assert recap.wait_until_idle() == []
    time.sleep(12)  # the kubelet looks at every pod once in ten seconds

    assert pod_now(cluster, web) == before
    for path, size in logs.items():
        new = [line for line in path.read_bytes()[size:].decode().splitlines() if TROUBLE.search(line)]
        named = [line for line in new if web["metadata"]["uid"] in line or web["metadata"]["namespace"] in line]
        assert not named, f"{path.name} complains of the pod: " + "\n".join(named)
    writes = [json.loads(line) for line in cluster.audit_log.read_bytes()[audited:].splitlines()]
    places = [each.get("objectRef", {}) for each in writes]
    assert not [each for each in places if each.get("namespace") == web["metadata"]["namespace"]]
    tasks = node.ctr("tasks", "list", "--quiet").split()
    assert len([id for id in tasks if id in json.dumps(before["status"])]) == 1


def test_the_targets_end_ends_the_run(cluster, recap, toolbox, web):
    name = f"pod/{web['metadata']['namespace']}/web"
    run = recap.start(toolbox, name, "sleep", "1000")
    cluster.kubectl("-n", web["metadata"]["namespace"], "delete", "pod", "web", "--timeout=60s")
    assert recap.wait_until_idle() == []
    record = json.loads(recap("inspect", run).stdout)
    assert record["exit"]["reason"] == "TargetGone"
    assert record["residue"]["verified"] and not record["residue"]["found"]
