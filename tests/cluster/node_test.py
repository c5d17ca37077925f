# SPDX-License-Identifier: Apache-2.0
"""The cluster itself: pods run on its node, and what RECap needs to find them is where it should be."""

import json
import os
from pathlib import Path


def test_a_pod_runs_and_is_seen_on_the_node(cluster, node, pause_image, namespace):
    pod = cluster.run_pod("web", pause_image, namespace, labels={"app": "web"})
    assert pod["spec"]["nodeName"] == node.name
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    state = json.loads((node.runc_root / container / "state.json").read_text())
    pid = state["init_process_pid"]
    assert Path(f"/proc/{pid}/comm").read_text().strip() == "pause"
    bundle = node.roots["containerd"] / "k8s.io" / container / "config.json"
    annotations = json.loads(bundle.read_text())["annotations"]
    assert annotations["io.kubernetes.cri.sandbox-name"] == "web"
    assert annotations["io.kubernetes.cri.container-name"] == "main"
    cgroups = Path(f"/proc/{pid}/cgroup").read_text()
    assert f"{node.cgroup}/kubepods" in cgroups and pod["metadata"]["uid"] in cgroups
    # It has an address of its own, in a network namespace of its own.
    assert pod["status"]["podIP"] != node.address
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


def test_kubectl_reaches_the_kubelet(cluster, pause_image, namespace):
    cluster.run_pod("web", pause_image, namespace)
    assert "scans " in cluster.kubectl("-n", namespace, "exec", "web", "--", "/probe")
    assert cluster.kubectl("-n", namespace, "logs", "web") == ""


def test_a_deleted_pod_is_gone(cluster, node, pause_image, namespace):
    pod = cluster.run_pod("web", pause_image, namespace)
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    cluster.kubectl("-n", namespace, "delete", "pod", "web", "--timeout=60s")
    assert container not in node.ctr("tasks", "list", "--quiet")
