# SPDX-License-Identifier: Apache-2.0
"""One node of a test cluster: a kubelet with a containerd of its own. Nothing of the host's containerd,
Docker or CNI configuration is used."""

import json
import os

from testlib import host
from testlib.images import write_oci_archive

from .machine import Machine
from .network import free_port

PAUSE = "registry.k8s.io/pause:3.10"
CNI_PLUGINS = "/usr/lib/cni"

CONTAINERD = """version = 2
root = "{work}/containerd"
state = "{work}/run"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = "{work}/containerd.sock"
[ttrpc]
address = "{work}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
disable_tcp_service = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{work}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{work}/runc"
"""


class Node:
    def __init__(self, cluster, index, own_machine=False):
        self.cluster, self.index = cluster, index
        self.name = f"node{index}"
        self.work = cluster.work / self.name
        self.work.mkdir()
        self.machine = Machine(cluster.work, self.work) if own_machine else None
        self.enter = self.machine.enter if own_machine else []
        self.socket = self.work / "containerd.sock"
        self.containerd_root = self.work / "containerd"
        self.runc_root = self.work / "runc/k8s.io"
        # What `recap` needs to find this node's containers.
        self.roots = dict(oci=self.runc_root, containerd=self.work / "run/io.containerd.runtime.v2.task")
        self.address = cluster.network.address(index)
        self.cgroup = f"/{cluster.work.name}/{self.name}"
        self.containerd = self.kubelet = None

    @property
    def variables(self):
        """The environment that tells recap where this node's runtime keeps its state."""
        return host.recap_variables(self.roots)

    # --- containerd ---

    def start_containerd(self):
        (self.work / "containerd.toml").write_text(
            CONTAINERD.format(work=self.work, pause=PAUSE, plugins=CNI_PLUGINS)
        )
        self._write_cni()
        argv = [*self.enter, "containerd", "--config", self.work / "containerd.toml"]
        self.containerd = host.Daemon(argv, self.work / "containerd.log")

    def wait_for_containerd(self):
        host.wait_for(lambda: self.containerd.check() and self.socket.exists(), "answer of containerd")
        host.wait_for(lambda: self.ctr("version", check=False), "answer of containerd")

    def _write_cni(self):
        network = {
            "cniVersion": "0.4.0",
            "name": self.cluster.network.pod_bridge(self.index),
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": self.cluster.network.pod_bridge(self.index),
                    "isGateway": True,
                    "ipMasq": False,  # no rule in the host's packet filter, and there is nothing outside
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(self.work / "ipam"),
                        "ranges": [[{"subnet": self.cluster.network.pods(self.index)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        }
        (self.work / "cni").mkdir(exist_ok=True)
        (self.work / "cni/10-test.conflist").write_text(json.dumps(network))

    def ctr(self, *argv, **options):
        return host.run("ctr", "--address", self.socket, "--namespace", "k8s.io", *argv, **options)

    def import_image(self, image, reference=None):
        """A testlib.images.Image for this node's pods; returns the name that they use."""
        reference = reference or image.reference
        archive = self.work / f"{image.name}.oci.tar"
        write_oci_archive(archive, [image.tar], image.config, reference)
        self.ctr("images", "import", archive)
        archive.unlink()
        return reference

    # --- kubelet ---

    def start_kubelet(self):
        pki = self.cluster.pki
        for top in cgroup_hierarchies():
            make_cgroup(top / self.cgroup.lstrip("/"))
        pki.certificate(self.name, f"system:node:{self.name}", ["system:nodes"], [self.address], [self.name])
        kubeconfig = pki.kubeconfig(self.name, self.cluster.server)
        config = self.work / "kubelet.json"
        config.write_text(json.dumps(self._kubelet_config(), indent=1))
        argv = [*self.enter, self.cluster.program("kubelet"), "--config", config, "--kubeconfig", kubeconfig,
                "--hostname-override", self.name, "--node-ip", self.address,
                "--root-dir", self.work / "kubelet", "--cert-dir", self.work / "kubelet-certificates"]  # fmt: skip
        self.kubelet = host.Daemon(argv, self.work / "kubelet.log")

    def _kubelet_config(self):
        pki = self.cluster.pki
        self.kubelet_port = free_port(self.address)
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.address,
            "port": self.kubelet_port,
            "healthzPort": free_port(),
            "readOnlyPort": 0,
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.path("ca.crt"))},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki.path(f"{self.name}.crt")),
            "tlsPrivateKeyFile": str(pki.path(f"{self.name}.key")),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,  # a lower one needs CAP_SYS_RESOURCE
            "localStorageCapacityIsolation": False,
            "makeIPTablesUtilChains": False,
            "evictionHard": {"memory.available": "20Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%"},
            "imageGCHighThresholdPercent": 100,
            "podLogsDir": str(self.work / "pod-logs"),
            "volumePluginDir": str(self.work / "volume-plugins"),
            "staticPodPath": str(self._directory("static-pods")),
            "fileCheckFrequency": "1s",
            "serializeImagePulls": False,
        }

    def _directory(self, name):
        (self.work / name).mkdir(exist_ok=True)
        return self.work / name

    def logs(self):
        return {daemon: (self.work / f"{daemon}.log") for daemon in ("kubelet", "containerd")}

    def check(self):
        return self.containerd.check() and self.kubelet.check()

    def stop(self):
        if self.machine:
            self.machine.stop()
        for daemon in (self.kubelet, self.containerd):
            if daemon is not None:
                daemon.stop()


def cgroup_hierarchies():
    """The mount point of each hierarchy that a container gets a cgroup in."""
    if (host.CGROUP / "cgroup.controllers").exists():
        return [host.CGROUP]
    tops = [path for path in host.CGROUP.iterdir() if path.is_dir() and not path.is_symlink()]
    return [top for top in tops if (top / "cgroup.procs").exists()]


def make_cgroup(path):
    """A cgroup and its parents; in cpuset they are of no use before they have cpus and memory nodes."""
    missing = [each for each in [path, *path.parents] if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):
            inherited = each.parent / name
            if inherited.exists() and inherited.read_text().strip() and os.access(each / name, os.W_OK):
                (each / name).write_text(inherited.read_text())
