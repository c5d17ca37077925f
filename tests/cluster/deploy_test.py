# SPDX-License-Identifier: Apache-2.0
"""deploy/ as users have it: the image, the manifest, the chart, on a node that is a machine of its own. Nothing is
changed but the address of the API server, since this cluster has no service network."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from cluster.lab import DEPLOY, HERE, ROOT, documents
from testlib import host, lab
from testlib.caplet import capsule, capsule_run, import_tools, periodic
from testlib.kube import Cluster
from testlib.recap import BUILD
from testlib.waiting import until

IMAGE = "localhost/recap:0.1.0"
QUICK = {"terminationGracePeriodSeconds": 0, "imagePullPolicy": "Never"}
PROGRAMS = BUILD / "src/main"


def by_name(items):
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


def caplet_of(items):
    return by_name(items)["DaemonSet", "caplet"]


# --- without a cluster ---


def test_the_manifest_is_current_and_what_kustomize_makes(binaries):
    done = subprocess.run([DEPLOY / "make", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = yaml.safe_load_all(host.run(binaries / "kubectl", "kustomize", DEPLOY))
    assert by_name(made) == by_name(documents(DEPLOY / "recap.yaml"))


@pytest.fixture(scope="module")
def helm(binaries, tmp_path_factory):
    """Runs helm; returns what it printed."""
    program, home = ROOT / "build/helm/helm", tmp_path_factory.mktemp("helm")
    subprocess.run([HERE / "build-helm", program], check=True, stdin=subprocess.DEVNULL)
    places = {f"HELM_{name}_HOME": str(home) for name in ("CACHE", "CONFIG", "DATA")}

    def run(*words, **options):
        return host.run(program, *words, env={**os.environ, **places}, **options)
    return run


def test_the_chart_is_what_the_manifest_is(helm):
    helm("lint", "--strict", DEPLOY / "chart")
    made = yaml.safe_load_all(helm("template", "recap", DEPLOY / "chart", "--include-crds"))
    assert by_name(made) == by_name(documents(DEPLOY / "recap.yaml"))


def test_the_charts_values(helm):
    values = ["--set", "image.repository=registry.example/recap", "--set", "image.tag=v1", "--set-json",
              'caplet={"args": ["--keep-records=1h"], "env": [{"name": "A", "value": "b"}], '
              '"nodeSelector": {"c": "d"}, "tolerations": [{"key": "e"}], "resources": {"limits": {"memory": "1Gi"}}}',
              "--set-json", 'imagePullSecrets=["ours"]']  # fmt: skip
    made = yaml.safe_load_all(helm("template", "recap", DEPLOY / "chart", *values))
    pod = caplet_of(made)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["image"] == "registry.example/recap:v1" and container["args"][-1] == "--keep-records=1h"
    assert container["env"][0]["name"] == "NODE_NAME" and container["env"][-1] == {"name": "A", "value": "b"}
    assert container["resources"]["limits"] == {"memory": "1Gi"} and container["resources"]["requests"]["cpu"] == "20m"
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", "c": "d"} and pod["tolerations"] == [{"key": "e"}]
    assert pod["imagePullSecrets"] == [{"name": "ours"}]
    values = ["--set", "image.tag=v1", "--set-json", 'controller={"args": ["--lease=30s"]}']
    made = by_name(yaml.safe_load_all(helm("template", "recap", DEPLOY / "chart", *values)))
    container = made["Deployment", "recap-controller"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost/recap:v1" and container["args"][-1] == "--lease=30s"
    with pytest.raises(host.Failed, match="additional properties 'argz' not allowed"):
        helm("template", "recap", DEPLOY / "chart", "--set", "caplet.argz=1")


# --- on a node ---


@pytest.fixture(scope="module")
def cluster(binaries, nothing_stays):
    with Cluster(binaries).start(nodes=1, own_machines=True) as started:
        yield started


@pytest.fixture(scope="module")
def machine(cluster):
    return cluster.nodes[0].machine


@pytest.fixture(scope="module")
def caplet_image(cluster):
    """The image, loaded into the node as an administrator does it: as it is, and as another version."""
    archive = ROOT / "build/recap.oci.tar"
    subprocess.run([DEPLOY / "image/build", "--programs", PROGRAMS, archive], check=True, stdin=subprocess.DEVNULL)
    cluster.nodes[0].ctr("images", "import", archive)
    cluster.nodes[0].ctr("images", "tag", IMAGE, "localhost/recap:next")
    return archive


def manifest(cluster, name="recap.yaml"):
    """deploy/NAME, with the address of this cluster's API server."""
    address, port = cluster.server.removeprefix("https://").split(":")
    items = documents(DEPLOY / name)
    for item in items:
        if item["kind"] in ("DaemonSet", "Deployment"):
            container = item["spec"]["template"]["spec"]["containers"][0]
            container.setdefault("env", []).extend([{"name": "KUBERNETES_SERVICE_HOST", "value": address},
                                                    {"name": "KUBERNETES_SERVICE_PORT", "value": port}])  # fmt: skip
    path = cluster.work / name
    path.write_text(yaml.safe_dump_all(items))
    return path


@pytest.fixture(scope="module")
def installed(cluster, caplet_image):
    """As docs/install.md says, and a policy for images that are none of the catalogue's."""
    cluster.kubectl("apply", "--server-side", "-f", manifest(cluster))
    rolled_out(cluster)
    cluster.kubectl("apply", "--server-side", "-f", DEPLOY / "policies.yaml")
    cluster.apply({"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "test-images"},
                   "spec": {"namespaceSelector": {}, "images": ["*"],
                            "allow": {"runAs": ["Reserved"], "share": ["pid", "net", "ipc", "uts"],
                                      "capabilities": ["SYS_PTRACE", "NET_ADMIN"]}}})  # fmt: skip
    return cluster


def rolled_out(cluster):
    cluster.kubectl("-n", "recap-system", "rollout", "status", "daemonset/caplet", "--timeout=90s", timeout=100)


@pytest.fixture(scope="module")
def tools(installed, machine, tmp_path_factory):
    """An image with a shell in the node's store; its reference."""
    class OnMachine:
        def import_image(self, image):
            machine.run(PROGRAMS / "recap", "import", image.oci_archive)
            return image.reference
    return import_tools(OnMachine(), tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="module")
def web(installed, cluster):
    root = lab.lean_root(cluster.work / "target-root")
    image = cluster.import_image(lab.image("target", root, cluster.work, Entrypoint=["/pause"]))
    cluster.run_pod("web", image, labels={"app": "web"})


def live(machine):
    return json.loads(machine.run(PROGRAMS / "recap", "ps", "-o", "json"))


def ended(machine, name):
    """The ended runs of a Capsule."""
    runs = json.loads(machine.run(PROGRAMS / "recap", "ps", "-a", "-o", "json"))
    return [run for run in runs if run["requester"].startswith(f"Capsule/default/{name}#") and "exit" in run]


def caplet_says(cluster, *words):
    return cluster.kubectl("-n", "recap-system", "exec", "daemonset/caplet", "--", *words)


def test_applying_it_again_changes_nothing(installed, cluster):
    path = "/apis/apps/v1/namespaces/recap-system/daemonsets/caplet"
    before = cluster.admin.get(path).body["metadata"]["generation"]
    cluster.kubectl("apply", "--server-side", "-f", manifest(cluster))
    assert cluster.admin.get(path).body["metadata"]["generation"] == before
    assert cluster.admin.get(path).body["status"]["numberReady"] == 1


def test_its_rights_at_the_api_server(installed, cluster):
    def may(verb, resource):
        kind, _, part = resource.partition("/")
        who = "--as=system:serviceaccount:recap-system:caplet"
        words = ("auth", "can-i", verb, kind, f"--subresource={part}", who, "--all-namespaces")
        return cluster.kubectl(*words, check=False).strip() == "yes"
    assert may("list", "pods") and may("patch", "capsuleruns.recap.dev/status")
    for verb, resource in (("get", "secrets"), ("list", "secrets"), ("get", "nodes/proxy"), ("create", "pods/exec"),
                           ("create", "pods"), ("patch", "pods"), ("patch", "nodes"), ("get", "configmaps"),
                           ("create", "serviceaccounts/token"), ("delete", "capsuleruns.recap.dev")):  # fmt: skip
        assert not may(verb, resource), (verb, resource)


def test_only_its_namespace_lets_such_a_pod_in(installed, cluster):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "like-it"},
           "spec": caplet_of(documents(DEPLOY / "recap.yaml"))["spec"]["template"]["spec"]}  # fmt: skip
    pod["spec"].pop("serviceAccountName")
    space = {"apiVersion": "v1", "kind": "Namespace",
             "metadata": {"name": "tenant", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    assert cluster.admin.create(space).ok
    host.wait_for(lambda: cluster.admin.get("/api/v1/namespaces/tenant/serviceaccounts/default").ok, "service account")
    for namespace, is_let_in in (("tenant", False), ("recap-system", True)):
        pod["metadata"]["namespace"] = namespace
        answer = cluster.admin.create(pod, dry_run=True)
        assert answer.ok == is_let_in, answer.message


def test_its_directories_are_closed_and_its_view_is_the_nodes(installed, machine, cluster, tools):
    for path in ("run/recap", "var/lib/recap"):
        assert (machine.root / path).stat().st_mode & 0o777 == 0o700, path
    assert tools in caplet_says(cluster, "recap", "images")


def test_runs_survive_an_update_its_undoing_and_the_loss_of_the_pod(installed, machine, cluster, tools, web):
    cluster.apply([capsule("watch", tools, {"type": "Continuous"}, command=["/bin/sh", "-c", "sleep 7931"],
                           share=["pid", "net"], grant={"capabilities": ["SYS_PTRACE", "NET_ADMIN"]}, **QUICK),
                   capsule("tick", tools, periodic("@every 1s"), command=["/bin/sh", "-c", "sleep 0.7"],
                           **QUICK)])  # fmt: skip
    def watch():
        return [run for run in live(machine) if run["requester"].startswith("Capsule/default/watch#")]
    first = until(watch, 30, "a Continuous run")[0]
    until(lambda: len(ended(machine, "tick")) >= 2, 30, "Periodic runs")
    assert_is_on_the_host(machine, first["keeper_pid"])

    def replaced(*words):
        cluster.kubectl("-n", "recap-system", *words)
        rolled_out(cluster)
        before = {run["id"] for run in ended(machine, "tick")}
        until(lambda: {run["id"] for run in ended(machine, "tick")} - before, 30, "a run by the new Caplet")
        assert [(run["id"], run["keeper_pid"]) for run in watch()] == [(first["id"], first["keeper_pid"])], words
    replaced("set", "image", "daemonset/caplet", "caplet=localhost/recap:next")
    assert '"adopting a run"' in cluster.kubectl("-n", "recap-system", "logs", "daemonset/caplet")
    replaced("rollout", "undo", "daemonset/caplet")
    replaced("delete", "pod", "-l", "app.kubernetes.io/name=caplet", "--grace-period=0", "--force")
    assert {(run["exit"]["code"], run["residue"]["verified"]) for run in ended(machine, "tick")} == {(0, True)}


def test_the_controller_needs_nothing_of_its_node_and_carries_a_run_out(installed, cluster, tools, web):
    pod = by_name(documents(DEPLOY / "recap.yaml"))["Deployment", "recap-controller"]["spec"]["template"]["spec"]
    strict = {"apiVersion": "v1", "kind": "Namespace",
              "metadata": {"name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    assert cluster.admin.create(strict).ok
    host.wait_for(lambda: cluster.admin.get("/api/v1/namespaces/strict/serviceaccounts/default").ok, "service account")
    answer = cluster.admin.create({"apiVersion": "v1", "kind": "Pod", "spec": {**pod, "serviceAccountName": "default"},
                                   "metadata": {"name": "like-it", "namespace": "strict"}}, dry_run=True)  # fmt: skip
    assert answer.ok, answer.message
    cluster.kubectl("-n", "recap-system", "rollout", "status", "deployment/recap-controller", "--timeout=90s",
                    timeout=100)  # fmt: skip
    cluster.apply(capsule_run("fleet", tools, command=["/bin/true"], requestedBy="admin",
                              requestedByGroups=["system:masters"], **QUICK))  # fmt: skip
    cluster.kubectl("wait", "--for=condition=Complete", "capsulerun/fleet", "--timeout=60s", timeout=70)
    status = cluster.admin.get("/apis/recap.dev/v1alpha1/namespaces/default/capsuleruns/fleet").body["status"]
    assert status["targets"]["succeeded"] == 1, status


def assert_is_on_the_host(machine, keeper):
    """No namespace, mount or cgroup of the pod."""
    for kind in ("mnt", "ipc", "uts", "cgroup", "net", "pid"):
        its, hosts = (machine.run("readlink", f"/proc/{pid}/ns/{kind}") for pid in (keeper, 1))
        assert its == hosts, kind
    groups = machine.run("cat", f"/proc/{keeper}/cgroup")
    assert "recap/keepers" in groups and "kubepods" not in groups, groups


def test_what_is_watched_is_what_it_serves(installed, cluster, web, tools):
    """Names and labels in the dashboard and the alerts are those of /metrics."""
    cluster.apply([capsule("fails", tools, periodic("@every 1s"), command=["/bin/false"], **QUICK),
                   capsule("nowhere", "localhost:1/no/image:1", periodic("@every 1s"), command=["/bin/true"])])
    wanted = ('recap_runs_total{policy="Periodic",result="failed"', 'recap_image_fetches_total{result="failed"}')
    def served():
        text = metrics_of(cluster)
        return text if all(each in text for each in wanted) else None
    answer = until(served, 60, "a failed run and a failed fetch")
    families = set(re.findall(r"# TYPE (\w+)", answer))
    names = families | {f"{name}_{part}" for name in families for part in ("bucket", "sum", "count")}
    used = expressions()
    assert len(used) > 15
    for expression in used:
        for name, labels in re.findall(r"(recap_\w+)(\{[^}]*\})?", re.sub(r'"recap[^"]*"', '""', expression)):
            assert name in names, f"{name} in {expression}"
            for label in re.findall(r"(\w+)\s*=~?", labels):
                served = re.search(rf"{name}\{{[^}}]*\b{label}=", answer)
                assert label == "instance" or served, f"{label} in {expression}"
    assert set(re.findall(r"`(recap_\w+)", (ROOT / "docs/caplet.md").read_text())) <= names


def metrics_of(cluster):
    return host.run("curl", "-sS", "--noproxy", "*", f"http://{caplet_address(cluster)}:9464/metrics")


def caplet_address(cluster):
    listed = cluster.kubectl("-n", "recap-system", "get", "pods", "-l", "app.kubernetes.io/name=caplet", "-o", "json")
    [pod] = [each for each in json.loads(listed)["items"] if "deletionTimestamp" not in each["metadata"]]
    return pod["status"]["podIP"]


def test_no_port_of_the_node_is_open_and_its_own_network_is_the_nodes(installed, machine, cluster):
    node = cluster.nodes[0].address
    assert caplet_address(cluster) != node and "recap_build_info" in metrics_of(cluster)
    with pytest.raises(OSError):
        socket.create_connection((node, 9464), timeout=5)
    caplet = machine.run("pgrep", "-x", "caplet").strip()
    assert machine.run("readlink", f"/proc/{caplet}/ns/net") == machine.run("readlink", "/proc/1/ns/net")


def expressions():
    found = [rule["expr"] for rule in documents(DEPLOY / "observability/alerts.yaml")[0]["groups"][0]["rules"]]
    board = json.loads((DEPLOY / "observability/dashboard.json").read_text())
    return found + [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_promtool_accepts_rules_queries_and_scrape(tmp_path):
    folder = DEPLOY / "observability"
    host.run("promtool", "check", "rules", folder / "alerts.yaml")
    host.run("promtool", "test", "rules", "alerts_test.yaml", cwd=folder)
    # Debian's promtool is built without Kubernetes' service discovery; all else of the file is looked at.
    text = (folder / "prometheus.yaml").read_text()
    known = re.sub(r"kubernetes_sd_configs: .*", "static_configs: [{targets: [a]}]", text).replace("rule_files", "#")
    assert known.count("static_configs") == 2
    (tmp_path / "prometheus.yaml").write_text(known)
    host.run("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yaml")
    queries = [each.replace("$__rate_interval", "5m").replace("$instance", ".*") for each in expressions()]
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "board.yaml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    host.run("promtool", "check", "rules", tmp_path / "board.yaml")


def test_prometheus_is_told_of_every_daemon():
    """Each port of the manifest that is named metrics belongs to pods that a scrape job keeps."""
    jobs = documents(DEPLOY / "observability/prometheus.yaml")[0]["scrape_configs"]
    kept = [{rule["source_labels"][0]: rule["regex"] for rule in job.get("relabel_configs", [])
             if rule.get("action") == "keep"} for job in jobs]  # fmt: skip
    for item in documents(DEPLOY / "recap.yaml"):
        if item["kind"] in ("DaemonSet", "Deployment"):
            assert "metrics" in [port["name"] for port in item["spec"]["template"]["spec"]["containers"][0]["ports"]]
            labels = item["spec"]["template"]["metadata"]["labels"]
            assert {"__meta_kubernetes_pod_label_app_kubernetes_io_name": labels["app.kubernetes.io/name"],
                    "__meta_kubernetes_pod_container_port_name": "metrics"} in kept  # fmt: skip


# The last one: it removes what the others use.


def test_removing_it_leaves_nothing(installed, machine, cluster, tools, web):
    until(lambda: live(machine), 30, "a live run")
    text = (ROOT / "docs/install.md").read_text().partition("### Removing it")[2]
    commands = text.partition("```\n")[2].partition("```")[0].splitlines()
    assert len(commands) == 7
    for command in commands:
        words = command.split()
        assert words[0] == "kubectl"
        files = {f"deploy/{name}": manifest(cluster, name) for name in ("recap.yaml", "uninstall.yaml")}
        cluster.kubectl(*[files.get(word, word) for word in words[1:]], timeout=200)
    assert not [path for path in ("run/recap", "var/lib/recap") if (machine.root / path).exists()]
    processes = machine.run("ps", "-e", "-o", "args")
    assert not [line for line in processes.splitlines() if "recap-keeper" in line or "sleep 7931" in line], processes
    for path in ("/api/v1/namespaces/recap-system", "/apis/recap.dev/v1alpha1"):
        until(lambda path=path: cluster.admin.get(path).code == 404, 60, f"end of {path}")
    kinds = ("clusterroles", "clusterrolebindings", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
             "flowschemas", "prioritylevelconfigurations", "crd")  # fmt: skip
    left = cluster.kubectl("get", ",".join(kinds), "-l", "app.kubernetes.io/part-of=recap", "-o", "name")
    assert left == ""
