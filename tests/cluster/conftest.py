# SPDX-License-Identifier: Apache-2.0
"""A cluster for this tier's session, with RECap's kinds, rights and admission rules installed."""

import subprocess
import uuid

import pytest

from cluster.lab import BINARIES, HERE, install
from testlib import host, lab
from testlib.kube import Cluster


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


@pytest.fixture
def namespace(cluster):
    """A namespace of this test alone; deleting it removes what the test made."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    answer = cluster.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert answer.ok, answer.message
    host.wait_for(lambda: cluster.admin.get(f"/api/v1/namespaces/{name}/serviceaccounts/default").ok,
                  f"service account in {name}", timeout=60)
    yield name
    cluster.admin.delete(f"/api/v1/namespaces/{name}")
