# SPDX-License-Identifier: Apache-2.0
"""Who may do what, asked of a real API server with the tokens and certificates that the callers have: every
refusal has its sentence, and beside each there is what is allowed."""

import json
import uuid

import pytest

from testlib import host

API = "/apis/recap.dev/v1alpha1"


def run_of(namespace, name="run", user="alice", **spec):
    return {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"requestedBy": user, "podName": "web", "function": "ps", **spec}}  # fmt: skip


def refused(answer, sentence):
    assert answer.code in (403, 422), (answer.code, answer.body)
    assert sentence in answer.message and "resulted in error" not in answer.message, answer.message


def bind(cluster, namespace, role, user=None, group=None):
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User" if user else "Group", "name": user or group}
    answer = cluster.admin.create({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": f"{role}-{uuid.uuid4().hex[:6]}", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject]})  # fmt: skip
    assert answer.ok, answer.message
    who = {"user": user} if user else {"groups": [group]}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": {
        **who, "resourceAttributes": {"namespace": namespace, "group": "recap.dev", "verb": "create",
                                      "resource": "capsuleruns"}}}  # fmt: skip
    # The authorizer learns of a new binding by a watch, a moment later.
    host.wait_for(lambda: cluster.admin.create(review).body["status"]["allowed"], f"right of {user or group}")


@pytest.fixture
def alice(cluster, namespace):
    """A user who may run functions in this test's namespace, by her own name."""
    bind(cluster, namespace, "recap-user", user="alice")
    return cluster.user("alice", ["team-a"])


class Nodes:
    """Two nodes with a Caplet's pod each, as far as the API server is concerned, and their tokens."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.tokens = {}
        for name in ("vap-a", "vap-b"):
            cluster.admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
            pod = cluster.run_pod(f"caplet-{name}", "unused", "recap-system", wait=False, nodeName=name,
                                  serviceAccountName="caplet")  # fmt: skip
            self.tokens[name] = cluster.token("recap-system", "caplet", pod)

    def caplet(self, name):
        return self.cluster.client(self.tokens[name])

    def remove(self):
        for name in self.tokens:
            self.cluster.admin.request("DELETE", f"/api/v1/namespaces/recap-system/pods/caplet-{name}",
                                       {"gracePeriodSeconds": 0})  # fmt: skip
            self.cluster.admin.delete(f"{API}/capsulenodes/{name}")
            self.cluster.admin.delete(f"/api/v1/nodes/{name}")


@pytest.fixture(scope="module")
def nodes(cluster):
    made = Nodes(cluster)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def controller(cluster):
    return cluster.client(cluster.token("recap-system", "recap-controller"))


# --- users ---


def test_a_run_is_in_its_users_own_name(alice, namespace):
    refused(alice.create(run_of(namespace, user="admin")), "spec.requestedBy must be your own name, alice, not admin")
    answer = alice.create(run_of(namespace))
    assert answer.ok, answer.message


def test_groups_are_the_users_own(alice, namespace):
    refused(alice.create(run_of(namespace, requestedByGroups=["team-a", "system:masters"])),
            "groups of yours only; you are not in system:masters")  # fmt: skip
    assert alice.create(run_of(namespace, requestedByGroups=["team-a"])).ok


def test_nobody_reaches_another_namespace(alice, namespace):
    for other in ("default", "kube-system", "recap-system"):
        refused(alice.create(run_of(other)), f'in the namespace "{other}"')
        capsule = {"apiVersion": "recap.dev/v1alpha1", "kind": "Capsule", "metadata": {"name": "x", "namespace": other},
                   "spec": {"selector": {"matchLabels": {"a": "b"}}, "function": "ps",
                            "execution": {"type": "OnDemand"}}}  # fmt: skip
        refused(alice.create(capsule), f'in the namespace "{other}"')


def test_who_runs_functions_declares_none(cluster, alice, namespace):
    capsule = {"apiVersion": "recap.dev/v1alpha1", "kind": "Capsule", "metadata": {"name": "x", "namespace": namespace},
               "spec": {"selector": {"matchLabels": {"a": "b"}}, "function": "ps",
                        "execution": {"type": "OnDemand"}}}  # fmt: skip
    refused(alice.create(capsule), 'cannot create resource "capsules"')
    bind(cluster, namespace, "recap-editor", user="bob")
    assert cluster.user("bob").create(capsule).ok
    refused(cluster.user("bob").create({**capsule, "kind": "ClusterCapsule", "metadata": {"name": "x"}}),
            'cannot create resource "clustercapsules"')  # fmt: skip
    refused(cluster.user("bob").patch(f"{API}/namespaces/{namespace}/capsules/x/status", {"status": {}}),
            "capsules/status")  # fmt: skip


def test_nobody_but_the_controller_binds(alice, cluster, namespace, controller):
    bound = dict(nodeName="vap-a", podUID="u-1")
    refused(alice.create(run_of(namespace, **bound)), "set by the recap-controller only")
    refused(cluster.admin.create(run_of(namespace, user="admin", **bound)), "set by the recap-controller only")
    assert alice.create(run_of(namespace)).ok
    path = f"{API}/namespaces/{namespace}/capsuleruns/run"
    refused(cluster.admin.patch(path, {"spec": bound}), "set by the recap-controller only")
    answer = controller.patch(path, {"spec": bound})
    assert answer.ok, answer.message
    # Others may still delete it, and write its metadata.
    assert cluster.admin.patch(path, {"metadata": {"annotations": {"note": "x"}}}).ok
    assert alice.delete(path).ok


def test_nobody_makes_a_part_of_anothers_run(alice, namespace):
    first = alice.create(run_of(namespace, "first")).body
    part = run_of(namespace, "part")
    part["metadata"]["ownerReferences"] = [{"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "name": "first",
                                            "uid": first["metadata"]["uid"]}]  # fmt: skip
    refused(alice.create(part), "only the recap-controller makes runs that are owned by another")
    part = run_of(namespace, "part")
    part["metadata"]["labels"] = {"recap.dev/run": "first"}
    refused(alice.create(part), "the label recap.dev/run is set by the recap-controller only")


def test_the_platforms_capsules_need_the_verb_run(cluster, alice, namespace):
    item = run_of(namespace)
    del item["spec"]["podName"], item["spec"]["function"]
    item["spec"]["capsuleRef"] = {"kind": "ClusterCapsule", "name": "scan"}
    refused(alice.create(item), 'user alice needs the verb "run" on clustercapsules scan')
    name = f"run-scan-{namespace}"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    assert cluster.admin.create({**role, "kind": "ClusterRole", "rules": [
        {"apiGroups": ["recap.dev"], "resources": ["clustercapsules"], "resourceNames": ["scan"],
         "verbs": ["run"]}]}).ok
    assert cluster.admin.create({**role, "kind": "ClusterRoleBinding", "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}}).ok  # fmt: skip
    try:
        assert host.wait_for(lambda: alice.create(item).ok, "right to run it")
    finally:
        for kind in ("clusterrolebindings", "clusterroles"):
            cluster.admin.delete(f"/apis/rbac.authorization.k8s.io/v1/{kind}/{name}")


# --- the controller ---


def test_the_controller_makes_parts_only(controller, alice, namespace):
    refused(controller.create(run_of(namespace, "free")), "only as parts of a CapsuleRun")
    first = alice.create(run_of(namespace, "first")).body
    part = run_of(namespace, "part")
    part["metadata"] |= {"labels": {"recap.dev/run": "first"}, "ownerReferences": [
        {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "name": "first", "uid": first["metadata"]["uid"],
         "controller": True}]}  # fmt: skip
    refused(controller.create(part), "spec.podName or spec.podUID is missing")
    part["spec"] |= {"nodeName": "vap-a", "podUID": "u-1"}
    answer = controller.create(part)
    assert answer.ok, answer.message


def test_the_controller_runs_in_its_own_name_what_a_capsule_says_and_nothing_else(controller, namespace):
    def hook(owner="alert", **spec):
        asked = {"requestedBy": "system:serviceaccount:recap-system:recap-controller",
                 "capsuleRef": {"kind": "Capsule", "name": "alert"}, **spec}
        return {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "spec": asked,
                "metadata": {"name": "hook", "namespace": namespace, "ownerReferences": [
                    {"apiVersion": "recap.dev/v1alpha1", "kind": "Capsule", "name": owner, "uid": "u-1"}]}}  # fmt: skip
    refused(controller.create(hook(owner="other"), dry_run=True), "of a Capsule that owns the run")
    refused(controller.create(hook(requestedBy="alice"), dry_run=True), "only as parts of a CapsuleRun")
    part = run_of(namespace, "part", "system:serviceaccount:recap-system:recap-controller", podUID="u-1")
    part["metadata"] |= {"labels": {"recap.dev/run": "first"}, "ownerReferences": [
        {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "name": "first", "uid": "u-1",
         "controller": True}]}  # fmt: skip
    refused(controller.create(part, dry_run=True), "runs Capsules only: spec.capsuleRef is missing")
    refused(controller.create(hook(podName="web"), dry_run=True), "leave podName, selector and nodeName away")
    answer = controller.create(hook(), dry_run=True)
    assert answer.ok, answer.message


def test_the_controller_neither_reads_secrets_nor_decides(controller):
    for method, path in (("GET", "/api/v1/secrets"), ("GET", "/api/v1/nodes/node1/proxy/pods"),
                         ("POST", "/api/v1/namespaces/default/pods"), ("POST", f"{API}/namespaces/default/capsules"),
                         ("POST", f"{API}/clustercapsules"), ("POST", f"{API}/capsulepolicies"),
                         ("POST", f"{API}/capsulenodes"),
                         ("POST", "/api/v1/namespaces/recap-system/serviceaccounts/caplet/token")):  # fmt: skip
        answer = controller.request(method, path, None if method == "GET" else {})
        assert answer.code == 403, (path, answer.body)


# --- Caplets ---


def node_object(name, **spec):
    return {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleNode", "metadata": {"name": name}, "spec": spec}


def test_a_caplet_writes_its_own_nodes_object(cluster, nodes):
    caplet = nodes.caplet("vap-a")
    refused(caplet.create(node_object("vap-b")), "the Caplet of node vap-a may not write an object of node vap-b")
    answer = caplet.patch(f"{API}/capsulenodes/vap-a", node_object("vap-a"), "apply")
    assert answer.ok, answer.message
    status = {"status": {"versions": {"caplet": "1"}}}
    assert caplet.patch(f"{API}/capsulenodes/vap-a/status", status).ok
    assert nodes.caplet("vap-b").patch(f"{API}/capsulenodes/vap-b", node_object("vap-b"), "apply").ok
    for path in ("vap-b/status", "vap-b"):
        refused(caplet.patch(f"{API}/capsulenodes/{path}", status), "may not write an object of node vap-b")
    refused(caplet.delete(f"{API}/capsulenodes/vap-a"), "cannot delete")


def test_a_caplet_does_not_change_what_the_administrator_wants(cluster, nodes):
    caplet = nodes.caplet("vap-a")
    caplet.patch(f"{API}/capsulenodes/vap-a", node_object("vap-a"), "apply")
    assert cluster.admin.patch(f"{API}/capsulenodes/vap-a", {"spec": {"suspend": True}}).ok
    refused(caplet.patch(f"{API}/capsulenodes/vap-a", {"spec": {"suspend": False}}), "status and finalizers only")


def test_a_caplet_writes_runs_of_its_own_node_only(alice, namespace, nodes, controller):
    path = f"{API}/namespaces/{namespace}/capsuleruns/run"
    assert alice.create(run_of(namespace)).ok
    status = {"status": {"phase": "Running"}}
    caplet, other = nodes.caplet("vap-a"), nodes.caplet("vap-b")
    refused(caplet.patch(path + "/status", status), "may not write an object of node (none)")
    assert controller.patch(path, {"spec": {"nodeName": "vap-a", "podUID": "u-1"}}).ok
    refused(other.patch(path + "/status", status), "the Caplet of node vap-b may not write an object of node vap-a")
    answer = caplet.patch(path + "/status", status)
    assert answer.ok, answer.message
    assert caplet.patch(path, {"metadata": {"finalizers": ["recap.dev/escape"]}}).ok
    refused(other.patch(path, {"metadata": {"finalizers": []}}), "may not write an object of node vap-a")
    refused(caplet.patch(path, {"metadata": {"labels": {"a": "b"}}}), "status and finalizers only")
    refused(caplet.patch(path, {"spec": {"ttlSecondsAfterFinished": 1}}), "status and finalizers only")
    refused(caplet.create(run_of(namespace, "more", user="system:serviceaccount:recap-system:caplet")), "cannot create")
    refused(caplet.delete(path), "cannot delete")
    assert caplet.patch(path, {"metadata": {"finalizers": []}}).ok


def test_the_caplet_of_the_real_node(cluster, node, caplet_kubeconfig):
    def kubectl(*words, **options):
        return cluster.kubectl(*words, kubeconfig=caplet_kubeconfig, **options)

    who = json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert who["username"] == "system:serviceaccount:recap-system:caplet"
    assert who["extra"]["authentication.kubernetes.io/node-name"] == [node.name]
    kubectl("apply", "--server-side", "-f", "-", input=json.dumps(node_object(node.name)), stdin=None)
    with pytest.raises(host.Failed, match="may not write an object of node other"):
        kubectl("apply", "--server-side", "-f", "-", input=json.dumps(node_object("other")), stdin=None)
    here = kubectl("get", "pods", "-A", "--field-selector", f"spec.nodeName={node.name}", "-o", "name")
    assert "pod/caplet" in here.split()
    assert kubectl("auth", "can-i", "list", "secrets", "-A", check=False).strip() == "no"


def test_a_token_that_is_bound_to_no_node_writes_nothing(cluster, nodes):
    unbound = cluster.client(cluster.token("recap-system", "caplet"))
    refused(unbound.create(node_object("vap-a")), "not bound to a pod on a node")
    refused(unbound.patch(f"{API}/capsulenodes/vap-a/status", {"status": {}}), "not bound to a pod on a node")


def test_a_caplet_cannot_claim_a_node(cluster, nodes):
    """The node is in the token; a header that states another needs the right to impersonate."""
    answer = nodes.caplet("vap-a").request(
        "POST", f"{API}/capsulenodes", node_object("vap-b"),
        headers={"Impersonate-User": "system:serviceaccount:recap-system:caplet",
                 "Impersonate-Extra-Authentication.kubernetes.io%2Fnode-Name": "vap-b"})  # fmt: skip
    refused(answer, "cannot impersonate")


def test_events_say_where_they_are_from(nodes, namespace):
    def event(instance, controller="recap.dev/caplet", kind="Pod"):
        return {"apiVersion": "events.k8s.io/v1", "kind": "Event",
                "metadata": {"name": f"e-{uuid.uuid4().hex[:8]}", "namespace": namespace},
                "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Attached", "action": "Attach",
                "reportingController": controller, "reportingInstance": instance, "note": "x",
                "regarding": {"apiVersion": "v1", "kind": kind, "name": "web", "namespace": namespace}}  # fmt: skip

    caplet = nodes.caplet("vap-a")
    answer = caplet.create(event("vap-a"))
    assert answer.ok, answer.message
    refused(caplet.create(event("vap-b")), "its own node as reportingInstance")
    refused(caplet.create(event("vap-a", "kubelet")), "must have reportingController recap.dev/caplet")
    refused(caplet.create(event("vap-a", kind="Secret")), "about an object of recap.dev, a pod or a node")


def test_a_stolen_token_reads_no_secret_and_changes_no_pod(nodes):
    caplet = nodes.caplet("vap-a")
    for verb, method, path in (("list", "GET", "/api/v1/secrets"), ("list", "GET", "/api/v1/configmaps"),
                               ("get", "GET", "/api/v1/nodes/vap-a/proxy/pods"),
                               ("create", "POST", "/api/v1/namespaces/default/pods"),
                               ("patch", "PATCH", "/api/v1/namespaces/default/pods/x"),
                               ("create", "POST", "/api/v1/namespaces/default/pods/x/exec"),
                               ("patch", "PATCH", "/api/v1/namespaces/default/pods/x/ephemeralcontainers"),
                               ("create", "POST", "/api/v1/namespaces/recap-system/serviceaccounts/caplet/token"),
                               ("patch", "PATCH", "/api/v1/nodes/vap-a"), ("create", "POST", f"{API}/clustercapsules"),
                               ("create", "POST", f"{API}/capsulepolicies")):  # fmt: skip
        body = None if method == "GET" else {}
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = caplet.request(method, path, body, kind)
        assert answer.code == 403 and f"cannot {verb} resource" in answer.message, (path, answer.body)


def test_caplets_have_a_priority_level_of_their_own(cluster, nodes):
    answer = raw_headers(nodes.caplet("vap-a"), f"{API}/capsulenodes")
    level = cluster.admin.get("/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations/recap-caplets").body
    assert answer["X-Kubernetes-PF-PriorityLevel-UID"] == level["metadata"]["uid"]


def raw_headers(client, path):
    import http.client

    connection = http.client.HTTPSConnection(client._place, context=client._tls, timeout=30)
    try:
        connection.request("GET", path, headers=client._headers)
        return connection.getresponse().headers
    finally:
        connection.close()
