# SPDX-License-Identifier: Apache-2.0
"""Where things are, and RECap's kinds, rights and rules in a cluster."""

from pathlib import Path

import yaml

from testlib import host
from testlib.kube.client import path_of

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
DEPLOY = ROOT / "deploy"
BINARIES = ROOT / "build/cluster/bin"


def documents(path):
    """The objects of a YAML file."""
    return [item for item in yaml.safe_load_all(Path(path).read_text()) if item]


def install(cluster):
    """What an administrator does, but for the programs: the tests start their own."""
    items = [item for item in documents(DEPLOY / "recap.yaml") if item["kind"] not in ("DaemonSet", "Deployment")]
    cluster.apply(items, server_side=True)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "-l",
                    "app.kubernetes.io/part-of=recap")  # fmt: skip
    cluster.kubectl("apply", "--server-side", "-f", DEPLOY / "policies.yaml")
    for user, item in PROBES:
        host.wait_for(lambda: refuses(cluster, user, item), f"admission rule for {user}")


# The API server knows a new admission rule a moment after it was made: requests that are refused from then on.
API = {"apiVersion": "recap.dev/v1alpha1"}
RUN = {**API, "kind": "CapsuleRun", "metadata": {"name": "probe", "namespace": "default"},
       "spec": {"requestedBy": "nobody", "podName": "web", "function": "ps"}}  # fmt: skip
OURS = "system:serviceaccount:recap-system:"
PROBES = (
    ("admin", RUN),
    (f"{OURS}recap-controller", RUN),
    (f"{OURS}caplet", {**API, "kind": "CapsuleNode", "metadata": {"name": "probe"}}),
    (f"{OURS}caplet", {"apiVersion": "events.k8s.io/v1", "kind": "Event",
                       "metadata": {"name": "probe", "namespace": "default"}, "type": "Normal",
                       "eventTime": "2026-01-01T00:00:00.000000Z", "reason": "Probe", "action": "Probe",
                       "reportingController": "probe", "reportingInstance": "probe"}),  # fmt: skip
)


def refuses(cluster, user, item):
    groups = "system:masters" if user == "admin" else "system:serviceaccounts"
    answer = cluster.admin.request("POST", path_of(item, named=False) + "?dryRun=All", item,
                                   headers={"Impersonate-User": user, "Impersonate-Group": groups})  # fmt: skip
    return "ValidatingAdmissionPolicy" in answer.message
