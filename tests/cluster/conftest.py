# SPDX-License-Identifier: Apache-2.0
"""A cluster for this tier's session, with RECap's kinds, rights and admission rules installed."""

import subprocess
import uuid

import pytest

from cluster.agents import Controller, Space
from cluster.lab import BINARIES, HERE, OURS, install
from cluster.node_caplet import NodeCaplet
from testlib import host, lab
from testlib.caplet import import_tools
from testlib.kube import Cluster
from testlib.recap import Recap


@pytest.fixture(scope="session")
def binaries():
    """The programs of Kubernetes, built by Go if they are not there."""
    done = subprocess.run([HERE / "build", BINARIES], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return BINARIES


@pytest.fixture(scope="session")
def cluster(binaries, nothing_stays):
    """A cluster with one node and deploy/ applied to it."""
    with Cluster(binaries).start(nodes=1) as started:
        install(started)
        yield started


@pytest.fixture(scope="session")
def node(cluster):
    return cluster.nodes[0]


@pytest.fixture(scope="session")
def pause_image(cluster, work):
    """An image for pods that only have to be there."""
    root = work / "target-root"
    lab.lean_root(root)
    return cluster.import_image(lab.image("target", root, work, Entrypoint=["/pause"]))


@pytest.fixture(scope="session")
def caplet_kubeconfig(cluster, node, pause_image):
    """What the kubelet would give to the Caplet's pod on the node: its service account, bound to a pod there."""
    pod = cluster.run_pod("caplet", pause_image, "recap-system", nodeName=node.name, serviceAccountName="caplet")
    return cluster.pki.kubeconfig("caplet", cluster.server, cluster.token("recap-system", "caplet", pod))


@pytest.fixture(scope="module")
def recap_there(work, node):
    """The recap of the cluster's first node."""
    recap = Recap(work, node.variables)
    yield recap
    recap.clean()


@pytest.fixture(scope="module")
def tools(recap_there, tmp_path_factory):
    """A Capsule image with a shell and real tools; its reference in that recap's store."""
    return import_tools(recap_there, tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="session")
def controller_kubeconfig(cluster):
    return cluster.pki.kubeconfig("controller", cluster.server, cluster.token("recap-system", "recap-controller"))


@pytest.fixture
def namespace(cluster):
    """A namespace of this test alone; deleting it removes what the test made."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    answer = cluster.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert answer.ok, answer.message
    host.wait_for(lambda: cluster.admin.get(f"/api/v1/namespaces/{name}/serviceaccounts/default").ok,
                  f"service account in {name}", timeout=60)
    yield name
    # A namespace takes its time to go, and the next test's Caplet would carry out what is declared in it.
    cluster.admin.delete(f"/apis/recap.dev/v1alpha1/namespaces/{name}/capsules")
    cluster.admin.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def caplet(recap_there, tmp_path, node, caplet_kubeconfig):
    caplet = NodeCaplet(recap_there, tmp_path / "caplet", node.name, caplet_kubeconfig)
    yield caplet
    caplet.clean()


@pytest.fixture
def running_caplet(caplet):
    caplet.start()
    return caplet


@pytest.fixture
def web(cluster, namespace, pause_image):
    return cluster.run_pod("web", pause_image, namespace, labels={"app": "web"})


@pytest.fixture
def as_controller(cluster):
    """Requests with the identity of the recap-controller."""
    def request(method, path, body=None, **options):
        headers = {"Impersonate-User": f"{OURS}recap-controller", "Impersonate-Group": "system:serviceaccounts"}
        return cluster.admin.request(method, path, body, headers=headers, **options)
    return request


@pytest.fixture(scope="module")
def any_image(cluster):
    """A policy by which everybody may run images that are no function of the catalogue."""
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "test-any-image"},
            "spec": {"namespaceSelector": {}, "images": ["*"]}}  # fmt: skip
    assert cluster.admin.create(item).ok
    yield
    cluster.admin.delete("/apis/recap.dev/v1alpha1/capsulepolicies/test-any-image")


@pytest.fixture
def space(cluster, namespace, pause_image, tools):
    return Space(cluster, namespace, pause_image, tools)


@pytest.fixture
def replicas(recap_there, tmp_path, controller_kubeconfig):
    """Two replicas of the controller that are not started."""
    both = [Controller(recap_there, tmp_path / name, name, controller_kubeconfig) for name in ("one", "two")]
    yield both
    for each in both:
        each.clean()


@pytest.fixture
def controller(replicas):
    return replicas[0].lead()
