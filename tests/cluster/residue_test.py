# SPDX-License-Identifier: Apache-2.0
"""A cluster leaves nothing on the host: not when it is closed, and not when its maker was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.lab import BINARIES, TESTS
from testlib import host
from testlib.kube import remains

MAKER = """
import json, pathlib, sys, tempfile
sys.path.insert(0, sys.argv[1])
from testlib import lab
from testlib.kube import Cluster

cluster = Cluster(sys.argv[2]).start(nodes=2)
root = pathlib.Path(tempfile.mkdtemp(dir=cluster.work))
image = cluster.import_image(lab.image("target", lab.lean_root(root / "root"), root, Entrypoint=["/pause"]))
pods = [cluster.run_pod(f"on-{node.name}", image, nodeName=node.name) for node in cluster.nodes]
print(json.dumps({"work": str(cluster.work), "bridge": cluster.network.bridge,
                  "addresses": [pod["status"]["podIP"] for pod in pods]}), flush=True)
sys.stdin.read()
cluster.close()
"""


def seen(work, bridge):
    """What there is of the cluster, as lines."""
    containers = Path("/run/containerd/s")
    cni = [path for path in remains.CNI_CACHE.rglob("*") if path.is_file()]
    found = [f"process {pid}" for pid in host.processes_naming(work)]
    found += [f"mount {point}" for point in host.mounts_below(work)]
    found += [f"cgroup {path}" for path in host.cgroups_named(Path(work).name)]
    found += [f"interface {name}" for name in remains.interfaces(bridge)]
    found += [f"file {path}" for path in cni]
    found += [f"socket {path}" for path in (containers.iterdir() if containers.is_dir() else [])]
    found += [f"rule {line}" for line in packet_filter() if bridge in line or "KUBE" in line or "CNI" in line]
    found += [f"directory {work}"] if os.path.exists(work) else []
    found += [f"directory {path}" for path in remains.FIXED_PATHS if Path(path).exists()]
    return set(found)


def packet_filter():
    if not shutil.which("iptables-save"):
        return []
    return host.run("iptables-save").splitlines()


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_nothing_stays_of_a_cluster_with_two_nodes(binaries, nothing_stays, end):
    before = seen("/nowhere", "none")
    with subprocess.Popen([sys.executable, "-c", MAKER, TESTS, BINARIES], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as maker:  # fmt: skip
        made = json.loads(maker.stdout.readline())
        assert len(set(made["addresses"])) == 2
        there = seen(made["work"], made["bridge"]) - before
        for kind in ("process", "mount", "cgroup", "interface", "socket", "directory"):
            assert any(line.startswith(kind) for line in there), f"the test looks for no {kind}"
        if end == "closed":
            maker.stdin.close()
            assert maker.wait(60) == 0
        else:
            maker.send_signal(signal.SIGKILL)
            maker.wait()
            assert seen(made["work"], made["bridge"]) - before
            remains.sweep()
    left = seen(made["work"], made["bridge"]) - before
    assert not left, "\n".join(sorted(left))
