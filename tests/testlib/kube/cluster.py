# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes cluster on this machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
and nodes with kubelet and containerd.

    with Cluster(binaries).start(nodes=1) as cluster:
        cluster.kubectl("get", "nodes")                # stdout; as administrator
        cluster.apply(manifest)                        # objects as Python data, or the text of a file
        cluster.client(token=…).create(item)           # any user, plain HTTP: client.py
        cluster.import_image(image)                    # an image for pods, which never pull
        cluster.add_node()                             # one more; 15 s
        cluster.nodes[0].roots                         # where recap finds that node's containers
        cluster.run_pod("web", image)                  # returns when it is ready

All that it makes is below one directory, one cgroup and interfaces of one name, and `close` takes it down and
says what resisted.
"""

import json
import tempfile
from pathlib import Path

from testlib import host, lab

from . import remains
from .client import Client
from .network import Network, free_port
from .node import PAUSE, Node
from .pki import Pki

class Residue(AssertionError):
    """Something of a cluster is still there after its end."""


class Cluster:
    def __init__(self, binaries):
        self.binaries = Path(binaries)
        remains.sweep()
        # Short: socket paths end at 108 bytes.
        self.work = Path(tempfile.mkdtemp(prefix=remains.PREFIX, dir="/run"))
        remains.note(self.work, None)
        self.network = self.pki = None
        self.nodes, self._daemons = [], {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def program(self, name):
        return self.binaries / name

    # --- the control plane ---

    def start(self, nodes=1, own_machines=False):
        """own_machines: each node has an init and a file system of its own (machine.py)."""
        try:
            self.start_control_plane()
            for _ in range(nodes):
                self.add_node(wait=False, own_machine=own_machines)
            for node in self.nodes:
                self.wait_until_ready(node)
            host.wait_for(lambda: self.admin.get("/api/v1/namespaces/default/serviceaccounts/default").ok,
                          "default service account")
        except BaseException:
            self.close(quiet=True)
            raise
        return self

    def start_control_plane(self, components=("controller-manager", "scheduler"), apiservers=1):
        """Without nodes; `apiservers`: how many share the one etcd."""
        self.network = Network()
        remains.note(self.work, self.network.bridge)
        self.pki = Pki(self.work / "pki")
        self.address = self.network.address(1)
        self.ports = [free_port(self.address) for _ in range(apiservers)]
        self.servers = [f"https://{self.address}:{port}" for port in self.ports]
        self.server = self.servers[0]
        self.pki.certificate("apiserver", "kube-apiserver", addresses=[self.address, "127.0.0.1", self._service_ip()],
                             names=["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"])
        for name, user, groups in (("admin", "admin", ["system:masters"]),
                                   ("apiserver-kubelet", "kube-apiserver-kubelet", ["system:masters"]),
                                   ("controller-manager", "system:kube-controller-manager", []),
                                   ("scheduler", "system:kube-scheduler", [])):  # fmt: skip
            self.pki.certificate(name, user, groups)
        self.pki.certificate("front-proxy", "front-proxy", authority="front-proxy-ca")
        self.kubeconfig = self.pki.kubeconfig("admin", self.server)
        self.admin = self.client(certificate="admin")
        self._start_etcd()
        for number in range(apiservers):
            self.start_apiserver(number)
        for component in components:
            self._start_component(component)

    def _service_ip(self):
        return f"10.223.{self.network.number}.1"

    def _start_etcd(self):
        peer, client = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.etcd = client
        self._run("etcd", "--name=test", f"--data-dir={self.work}/etcd", f"--listen-client-urls={client}",
                  f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
                  f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}",
                  "--unsafe-no-fsync", "--log-level=warn")  # fmt: skip

    def start_apiserver(self, number=0):
        at, name = self.pki.path, f"kube-apiserver{number or ''}"
        audit_log = self.audit_log.with_stem(f"audit{number or ''}")
        self._write_audit_policy()
        self._run(name, f"--etcd-servers={self.etcd}", f"--bind-address={self.address}",
                  f"--secure-port={self.ports[number]}", f"--advertise-address={self.address}",
                  "--endpoint-reconciler-type=none", f"--service-cluster-ip-range={self.network.services}",
                  f"--cert-dir={self.work}/apiserver", f"--tls-cert-file={at('apiserver.crt')}",
                  f"--tls-private-key-file={at('apiserver.key')}", f"--client-ca-file={at('ca.crt')}",
                  f"--kubelet-certificate-authority={at('ca.crt')}",
                  f"--kubelet-client-certificate={at('apiserver-kubelet.crt')}",
                  f"--kubelet-client-key={at('apiserver-kubelet.key')}",
                  "--kubelet-preferred-address-types=InternalIP,Hostname",
                  f"--requestheader-client-ca-file={at('front-proxy-ca.crt')}",
                  "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
                  "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                  f"--proxy-client-cert-file={at('front-proxy.crt')}",
                  f"--proxy-client-key-file={at('front-proxy.key')}",
                  "--service-account-issuer=https://kubernetes.default.svc",
                  f"--service-account-signing-key-file={at('service-account.key')}",
                  f"--service-account-key-file={at('service-account.pub')}",
                  "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
                  f"--audit-policy-file={self.work}/audit-policy.yaml", f"--audit-log-path={audit_log}",
                  "--allow-privileged=true", "--v=1")  # fmt: skip
        host.wait_for(lambda: self.daemon(name).check() and self._is_up(number), f"answer of {name}", 60)

    @property
    def audit_log(self):
        """Each write, one JSON object a line, without bodies."""
        return self.work / "audit.log"

    def _write_audit_policy(self):
        (self.work / "audit-policy.yaml").write_text(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n"
            "- {level: None, verbs: [get, list, watch]}\n"
            "- {level: None, resources: [{group: coordination.k8s.io}]}\n"
            "- {level: Metadata}\n"
        )

    def _is_up(self, number):
        try:
            return self.client(certificate="admin", server=self.servers[number]).get("/readyz").ok
        except OSError:
            return False

    def _start_component(self, name):
        config = self.pki.kubeconfig(name, self.server)
        flags = [f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
                 f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1",
                 f"--secure-port={free_port()}", "--leader-elect=false", f"--cert-dir={self.work}/{name}"]  # fmt: skip
        if name == "controller-manager":
            flags += [f"--flex-volume-plugin-dir={self.work}/volume-plugins",
                      f"--root-ca-file={self.pki.path('ca.crt')}", "--use-service-account-credentials=true",
                      f"--service-account-private-key-file={self.pki.path('service-account.key')}"]  # fmt: skip
        self._run(f"kube-{name}", *flags)

    def _run(self, name, *flags):
        program = self.program(name.rstrip("0123456789"))
        self._daemons[name] = host.Daemon([program, *flags], self.work / f"{name}.log")

    def daemon(self, name):
        return self._daemons[name]

    def stop_apiserver(self):
        self._daemons.pop("kube-apiserver").stop()

    # --- nodes and pods ---

    def add_node(self, wait=True, own_machine=False):
        node = Node(self, len(self.nodes) + 1, own_machine)
        self.nodes.append(node)
        node.start_containerd()
        node.wait_for_containerd()
        self._import_pause(node)
        node.start_kubelet()
        if wait:
            self.wait_until_ready(node)
        return node

    def import_image(self, image, reference=None):
        """A testlib.images.Image for the pods of every node; returns the name that they use."""
        for node in self.nodes:
            reference = node.import_image(image, reference)
        return reference

    @property
    def node_containerd_root(self):
        return self.nodes[0].containerd_root

    def _import_pause(self, node):
        root = self.work / "pause-root"
        if not root.exists():
            lab.compile_static("pause.c", root / "pause")
        image = lab.image("pause", root, node.work, Entrypoint=["/pause"])
        node.import_image(image, PAUSE)

    def wait_until_ready(self, node):
        def ready():
            node.check()
            answer = self.admin.get(f"/api/v1/nodes/{node.name}")
            conditions = answer.body.get("status", {}).get("conditions", []) if answer.ok else []
            taints = answer.body.get("spec", {}).get("taints", []) if answer.ok else [None]
            return not taints and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

        host.wait_for(ready, f"Ready of {node.name}", 90)

    def run_pod(self, name, image, namespace="default", wait=True, labels=None, **spec):
        """A pod with one container named main; `spec` is laid over its own, `container` over the container."""
        container = {"name": "main", "image": image, "imagePullPolicy": "Never", **spec.pop("container", {})}
        pod = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
               "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}}  # fmt: skip
        answer = self.admin.create(pod)
        if not answer.ok:
            raise host.Failed(f"pod {name}: {answer.message}")
        return self.wait_for_pod(name, namespace) if wait else answer.body

    def wait_for_pod(self, name, namespace="default"):
        def running():
            pod = self.admin.get(f"/api/v1/namespaces/{namespace}/pods/{name}").body
            ready = [each for each in pod["status"].get("conditions", []) if each["type"] == "Ready"]
            return pod if ready and ready[0]["status"] == "True" else None

        return host.wait_for(running, f"pod {namespace}/{name}", 60)

    # --- users ---

    def client(self, token=None, certificate=None, server=None):
        return Client(server or self.server, self.pki, token, certificate)

    def user(self, name, groups=()):
        """A client with a certificate of its own."""
        if not self.pki.path(f"user-{name}.crt").exists():
            self.pki.certificate(f"user-{name}", name, groups)
        return self.client(certificate=f"user-{name}")

    def token(self, namespace, account, pod=None):
        """A service account's token by TokenRequest; with `pod` (its JSON) one that is bound to it."""
        spec = {"expirationSeconds": 3600}
        if pod is not None:
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"],
                                      "uid": pod["metadata"]["uid"]}  # fmt: skip
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = self.admin.request("POST", path, {"apiVersion": "authentication.k8s.io/v1",
                                                   "kind": "TokenRequest", "spec": spec})  # fmt: skip
        if not answer.ok:
            raise host.Failed(f"token of {account}: {answer.message}")
        return answer.body["status"]["token"]

    def kubectl(self, *argv, kubeconfig=None, **options):
        home = self.work / "home"  # discovery is cached below it
        config = kubeconfig or self.kubeconfig
        return host.run(self.program("kubectl"), "--kubeconfig", config, "--cache-dir", home, *argv, **options)

    def apply(self, manifest, server_side=False, **options):
        text = manifest if isinstance(manifest, str) else json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": manifest if isinstance(manifest, list) else [manifest]})
        flags = ["--server-side"] if server_side else []
        return self.kubectl("apply", *flags, "-f", "-", input=text, stdin=None, **options)

    # --- the end ---

    def close(self, quiet=False):
        try:
            for node in self.nodes:
                node.stop()
            for daemon in reversed(self._daemons.values()):
                daemon.stop()
        finally:
            left = remains.remove(self.work)
        if left and not quiet:
            raise Residue("the cluster left: " + "; ".join(left))
