# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes client (src/kube) against a real API server that is killed, forgets, rotates and refuses."""

import json
import os
import queue
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from cluster.lab import ROOT
from testlib import host
from testlib.kube import Cluster

PROBE = Path(os.environ.get("RECAP_BUILD_DIR") or ROOT / "build/ci") / "src/kube/kube_probe"
NS = "default"


@pytest.fixture(scope="module")
def plane(binaries, nothing_stays):
    """A control plane of this module's own, for it is killed."""
    with Cluster(binaries).start(nodes=0) as started:
        yield started


class Probe:
    """kube_probe at work; its lines are read as they come."""

    def __init__(self, *words, env=None):
        self.child = subprocess.Popen([str(word) for word in (PROBE, *words)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})  # fmt: skip
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self._lines.put(json.loads(line))

    def next(self, timeout=20):
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty:
            raise host.Failed(f"kube_probe says nothing for {timeout} s") from None

    def until(self, wanted, timeout=30):
        """Lines up to the first that `wanted` accepts; it is the last."""
        deadline, lines = time.monotonic() + timeout, []
        while not lines or not wanted(lines[-1]):
            lines.append(self.next(max(0.1, deadline - time.monotonic())))
        return lines

    def changes(self, count, timeout=30):
        """The next `count` changes of a watch as "type key=value"; what it says of failures is left out."""
        found = []
        while len(found) < count:
            line = self.next(timeout)
            if "type" in line:
                found.append(line["type"] if line["type"] == "synced"
                             else f"{line['type']} {line['key']}={line['value']}")  # fmt: skip
        return found

    def quiet(self, seconds):
        """Nothing new is said for so long."""
        time.sleep(seconds)
        return [self._lines.get() for _ in range(self._lines.qsize())] == []

    def end(self):
        """Closes its stdin; its last line."""
        self.child.stdin.close()
        assert self.child.wait(10) == 0
        self._reader.join()
        return [self._lines.get() for _ in range(self._lines.qsize())][-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


def once(*words, env=None):
    """The first line of a verb that ends by itself."""
    with Probe(*words, env=env) as probe:
        return probe.next()


@pytest.fixture
def admin(plane):
    return ("--kubeconfig", plane.kubeconfig)


def path(name, namespace=NS):
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def put(plane, name, value, namespace=NS):
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}
    answer = plane.admin.patch(path(name, namespace), item, "apply")
    assert answer.ok, answer.message
    return answer.body


@pytest.fixture
def space(plane):
    name = f"probe-{time.monotonic_ns()}"
    assert plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).ok
    yield name
    plane.admin.delete(f"/api/v1/namespaces/{name}")


MINE = "metadata.name!=kube-root-ca.crt"  # which the controller puts into every namespace


@pytest.mark.parametrize("mode", [(), ("--pages",)], ids=["streamed", "paged"])
def test_list_and_watch(plane, admin, space, mode):
    for number in range(5):
        put(plane, f"c{number}", str(number), space)
    with Probe(*admin, *mode, "watch", "configmaps", space, MINE) as probe:
        listed = probe.changes(6)
        assert sorted(listed[:5]) == [f"added {space}/c{n}={n}" for n in range(5)]
        assert listed[5] == "synced"
        put(plane, "c1", "é\n\"x", space)
        assert probe.changes(1) == [f"modified {space}/c1=é\n\"x"]
        plane.admin.delete(path("c2", space))
        put(plane, "c9", "9", space)
        assert probe.changes(2) == [f"deleted {space}/c2=None", f"added {space}/c9=9"]
        counters = probe.end()
    assert counters["lists"] == 1 and counters["watches"] == 1 and counters["size"] == 5
    assert counters["most_rss_kib"] < 20 * 1024, counters


def test_a_large_collection_passes_through(plane, admin, space):
    big = "x" * 20_000
    for number in range(300):
        put(plane, f"big{number}", big, space)
    for mode in ((), ("--pages",)):
        with Probe(*admin, *mode, "watch", "configmaps", space, MINE) as probe:
            assert probe.changes(301, 60)[-1] == "synced"
            counters = probe.end()
        # 6 MB of values are kept by this probe's projection; twice that as JSON never is.
        assert counters["most_rss_kib"] < 32 * 1024, counters


def kill_apiserver(plane):
    plane._daemons["kube-apiserver"].child.kill()
    plane.stop_apiserver()


def restart_apiserver(plane):
    kill_apiserver(plane)
    plane.start_apiserver()


def test_a_killed_apiserver_is_found_again_and_nothing_is_told_twice(plane, admin, space):
    put(plane, "a", "1", space)
    with Probe(*admin, "watch", "configmaps", space, MINE) as probe:
        assert probe.changes(2) == [f"added {space}/a=1", "synced"]
        kill_apiserver(plane)
        assert probe.until(lambda line: "error" in line)[-1]["code"] == 0
        plane.start_apiserver()
        put(plane, "a", "2", space)
        assert probe.changes(1, 90) == [f"modified {space}/a=2"]
        plane.admin.delete(path("a", space))
        assert probe.changes(1) == [f"deleted {space}/a=None"]


def test_what_happened_while_it_slept_past_the_servers_memory(plane, admin, space):
    """The new API server's watch cache begins later than the client's version: 410, list, differences."""
    old = put(plane, "again", "1", space)["metadata"]["uid"]
    put(plane, "gone", "1", space)
    put(plane, "same", "1", space)
    with Probe(*admin, "watch", "configmaps", space, MINE) as probe:
        probe.changes(4)
        probe.child.send_signal(signal.SIGSTOP)
        restart_apiserver(plane)  # what this one does, the client's connection cannot have buffered
        for name in ("gone", "again"):
            plane.admin.delete(path(name, space))
        assert put(plane, "again", "2", space)["metadata"]["uid"] != old
        put(plane, "new", "1", space)
        restart_apiserver(plane)
        probe.child.send_signal(signal.SIGCONT)
        assert sorted(probe.changes(4, 90)) == sorted(
            [f"deleted {space}/again=None", f"added {space}/again=2", f"added {space}/new=1",
             f"deleted {space}/gone=None"])  # fmt: skip
        counters = probe.end()
    assert counters["lists"] == 2, counters


def test_a_kind_that_is_installed_later(plane, admin):
    with Probe(*admin, "--absent-retry", "300", "watch", "capsules", NS) as probe:
        assert probe.next()["code"] == 404
        plane.kubectl("apply", "--server-side", "-f", ROOT / "deploy/crds")
        assert probe.until(lambda line: line.get("type") == "synced", 60)
    plane.kubectl("delete", "-f", ROOT / "deploy/crds")


def test_server_side_apply_owns_its_fields(admin, space):
    mine = once(*admin, "apply", space, "owned", "1", "caplet", "gentle")
    assert [entry["manager"] for entry in mine["metadata"]["managedFields"]] == ["caplet"]
    assert mine["metadata"]["managedFields"][0]["operation"] == "Apply"
    conflict = once(*admin, "apply", space, "owned", "2", "other", "gentle")
    assert conflict["code"] == 409 and "caplet" in conflict["error"]
    assert once(*admin, "apply", space, "owned", "2", "other", "force")["data"]["value"] == "2"
    assert once(*admin, "apply", space, "owned", "2", "", "force")["code"] in (400, 422)


def test_delete_takes_only_the_object_that_was_meant(plane, admin, space):
    put(plane, "a", "1", space)
    wrong = once(*admin, "delete", space, "a", "00000000-0000-4000-8000-000000000000")
    assert wrong["code"] == 409
    assert once(*admin, "delete", space, "a", plane.admin.get(path("a", space)).body["metadata"]["uid"]) == {
        "deleted": True}  # fmt: skip
    assert once(*admin, "delete", space, "a", "")["code"] == 404


def test_events_become_a_series(plane, admin, space):
    uid = put(plane, "a", "1", space)["metadata"]["uid"]

    def events():
        return plane.admin.get(f"/apis/events.k8s.io/v1/namespaces/{space}/events").body["items"]

    with Probe(*admin, "events", space, "a", uid, "7") as probe:
        host.wait_for(lambda: [each for each in events() if each.get("series")], "series")
        assert probe.end() == {"sent": 2, "folded": 5, "dropped": 0}
    (event,) = events()
    assert event["series"]["count"] == 2  # the rest is written when the series ends, in six minutes
    assert event["regarding"]["uid"] == uid and event["type"] == "Warning" and event["note"] == "exit code 3"
    assert event["reportingController"] == "recap.dev/probe"
    assert "RunFailed" in plane.kubectl("describe", "configmap", "a", "-n", space)


def leading(probe, value, timeout=20):
    began = time.monotonic()
    assert probe.until(lambda line: "leading" in line, timeout)[-1] == {"leading": value}
    return time.monotonic() - began


def test_one_leads_and_another_takes_over(admin, space):
    with Probe(*admin, "lead", space, "l", "first") as first, Probe(*admin, "lead", space, "l", "second") as second:
        host.wait_for(lambda: not first._lines.empty() or not second._lines.empty(), "leader")
        holder, other = (first, second) if not first._lines.empty() else (second, first)
        leading(holder, True)
        assert other.quiet(4)  # longer than the lease lasts: it is renewed
        holder.child.stdin.close()
        assert leading(other, True) < 2.5  # given up, it need not run out
        leading(holder, False)


def test_a_dead_leader_is_followed_when_its_lease_is_over(plane, admin, space):
    with Probe(*admin, "lead", space, "l", "first") as first:
        leading(first, True)
        with Probe(*admin, "lead", space, "l", "second") as second:
            time.sleep(1)
            first.child.kill()
            assert 1.5 < leading(second, True) < 8
            lease = plane.admin.get(f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases/l").body["spec"]
            assert lease["holderIdentity"] == "second" and lease["leaseTransitions"] == 1


def test_a_leader_without_an_apiserver_stops_before_its_lease_is_over(plane, admin, space):
    with Probe(*admin, "lead", space, "l", "first") as first:
        leading(first, True)
        kill_apiserver(plane)
        assert leading(first, False) < 3  # the lease's duration
        plane.start_apiserver()
        leading(first, True, 60)


@pytest.fixture
def account(plane, space):
    assert plane.admin.create({"apiVersion": "v1", "kind": "ServiceAccount",
                               "metadata": {"name": "probe", "namespace": space}}).ok  # fmt: skip
    assert plane.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                               "metadata": {"name": "probe", "namespace": space},
                               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                           "name": "view"},
                               "subjects": [{"kind": "ServiceAccount", "name": "probe"}]}).ok  # fmt: skip
    return "probe"


@pytest.fixture
def pod(plane, space, account, tmp_path):
    """What a pod finds: the environment and the files of its service account."""
    (tmp_path / "token").write_text(plane.token(space, account))
    (tmp_path / "ca.crt").write_text(plane.pki.path("ca.crt").read_text())
    (tmp_path / "namespace").write_text(space)
    return {"KUBERNETES_SERVICE_HOST": plane.address, "KUBERNETES_SERVICE_PORT": str(plane.ports[0])}


def test_inside_a_pod(plane, space, pod, tmp_path):
    user = once("--service-account", tmp_path, "whoami", env=pod)
    assert user["name"] == f"system:serviceaccount:{space}:probe"
    put(plane, "a", "1", space)
    assert once("--service-account", tmp_path, "get", space, "a", env=pod) == {"value": "1"}
    refused = once("--service-account", tmp_path, "get", "kube-system", "a", env=pod)
    assert refused["code"] == 403 and "cannot get resource" in refused["error"]


def test_a_rotated_token_is_picked_up(plane, space, account, pod, tmp_path):
    put(plane, "a", "1", space)
    with Probe("--service-account", tmp_path, "get", space, "a", "200", env=pod) as probe:
        assert probe.next() == {"value": "1"}
        account = f"/api/v1/namespaces/{space}/serviceaccounts/probe"
        assert plane.admin.delete(account).ok  # its tokens end with it
        probe.until(lambda line: line.get("code") == 401, 60)
        assert plane.admin.create({"apiVersion": "v1", "kind": "ServiceAccount",
                                   "metadata": {"name": "probe", "namespace": space}}).ok  # fmt: skip
        (tmp_path / "token").write_text(plane.token(space, "probe"))
        probe.until(lambda line: line.get("value") == "1", 10)


def test_access_reviews(plane, admin, account, space):
    user = f"system:serviceaccount:{space}:{account}"
    assert once(*admin, "access", user, "get", "", "configmaps", space)["allowed"]
    assert not once(*admin, "access", user, "create", "", "configmaps", space)["allowed"]
    assert not once(*admin, "access", user, "get", "", "configmaps", "kube-system")["allowed"]


def kubeconfig(plane, file, cluster, user):
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": plane.server, **cluster}}],
        "users": [{"name": "u", "user": user}]}))  # fmt: skip
    return ("--kubeconfig", file)


def test_only_the_clusters_certificate_is_trusted(plane, space, tmp_path):
    ca, name = plane.pki.path("ca.crt"), "c"
    put(plane, name, "1", space)
    wrong = kubeconfig(plane, tmp_path / "a", {"certificate-authority": str(plane.pki.path("front-proxy-ca.crt"))},
                       {"token": "secret"})  # fmt: skip
    said = once(*wrong, "get", space, name)
    assert "not to be trusted" in said["error"] and said["code"] == 0
    elsewhere = kubeconfig(plane, tmp_path / "b", {"certificate-authority": str(ca), "tls-server-name": "other"},
                           {"token": "secret"})  # fmt: skip
    assert "not to be trusted" in once(*elsewhere, "get", space, name)["error"]
    by_name = kubeconfig(plane, tmp_path / "c", {"certificate-authority": str(ca), "tls-server-name": "kubernetes"},
                         {"token": "secret"})  # fmt: skip
    assert once(*by_name, "get", space, name)["code"] == 401


def test_a_plugins_certificate(plane, space, tmp_path):
    put(plane, "c", "1", space)
    answer = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
              "status": {"clientCertificateData": plane.pki.path("admin.crt").read_text(),
                         "clientKeyData": plane.pki.path("admin.key").read_text()}}  # fmt: skip
    (tmp_path / "answer").write_text(json.dumps(answer))
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" > {tmp_path}/told\ncat {tmp_path}/answer\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    flags = kubeconfig(plane, tmp_path / "k", {"certificate-authority": str(plane.pki.path("ca.crt"))}, {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin",
                 "interactiveMode": "IfAvailable", "provideClusterInfo": True}})  # fmt: skip
    assert once(*flags, "whoami")["name"] == "admin"
    told = json.loads((tmp_path / "told").read_text())["spec"]
    assert told["cluster"]["server"] == plane.server and not told["interactive"]
