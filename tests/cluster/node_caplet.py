# SPDX-License-Identifier: Apache-2.0
"""The Caplet as a node of the test cluster, and what users and the controller do for it to have work."""

from testlib.caplet import Caplet
from testlib.waiting import until

QUICK = {"terminationGracePeriodSeconds": 0}


class NodeCaplet(Caplet):
    """A Caplet that is told by the API server instead of by manifests."""

    def __init__(self, recap, folder, node, kubeconfig):
        super().__init__(recap, folder)
        self.words = ["--node-name", node, "--kubeconfig", kubeconfig]


def shell(script, **spec):
    return {"command": ["/bin/sh", "-c", script], **spec}


def create(cluster, namespace, item):
    """Makes it; returns the words by which the Caplet's log names it."""
    item["metadata"]["namespace"] = namespace
    answer = cluster.admin.create(item)
    assert answer.ok, answer.message
    return {"capsule": f"{item['kind']}/{namespace}/{item['metadata']['name']}@{answer.body['metadata']['uid']}"}


def path_of(namespace, plural, name):
    return f"/apis/recap.dev/v1alpha1/namespaces/{namespace}/{plural}/{name}"


def run_on(cluster, as_controller, namespace, name, pod, spec, node="node1"):
    """A CapsuleRun as a user makes it, bound as the controller binds it; returns its path."""
    asked = {"requestedBy": "admin", "requestedByGroups": ["system:masters"]}
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "metadata": {"name": name},
            "spec": {"podName": pod, **asked, **spec}}  # fmt: skip
    create(cluster, namespace, item)
    uid = cluster.admin.get(f"/api/v1/namespaces/{namespace}/pods/{pod}").body["metadata"]["uid"]
    path = path_of(namespace, "capsuleruns", name)
    bound = as_controller("PATCH", path, {"spec": {"nodeName": node, "podUID": uid}},
                          content_type="application/merge-patch+json")  # fmt: skip
    assert bound.ok, bound.message
    return path


def finished(cluster, path):
    def status():
        body = cluster.admin.get(path).body.get("status", {})
        return body if body.get("phase") in ("Succeeded", "Failed") else None
    return until(status, 20, f"end of {path}")
