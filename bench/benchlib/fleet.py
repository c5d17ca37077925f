# SPDX-License-Identifier: Apache-2.0
"""A fleet of simulated Caplets on a real API server: the objects of its nodes and pods, the simulators, the churn."""

import http.client
import shutil
import subprocess
import threading
import time
from pathlib import Path

from .world import find_recap

from testlib import host, lab  # noqa: E402  (world.py has put tests/ on the path)
from testlib.recap import Recap  # noqa: E402

SPACE = "fleet"
API = "recap.dev/v1alpha1"
# A Caplet has about ten descriptors, its watches among them; 20,000 is what containers may have open.
NODES_A_PROCESS = 1250
NODES_A_SERVER = 3000
STARTS_A_SECOND = 25
CHANGES_A_POD = 2  # it is created, and deleted


def pod(name, node, labels, namespace=SPACE, account="default"):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"nodeName": node, "serviceAccountName": account, "terminationGracePeriodSeconds": 0,
                     "containers": [{"name": "main", "image": "recap.test/simulated"}]}}  # fmt: skip


def run_pod(sessions, name, node, labels):
    """A pod and the status that a kubelet would give it; its path."""
    made = sessions.create(pod(name, node, labels))
    path = f"/api/v1/namespaces/{SPACE}/pods/{name}"
    container = {"name": "main", "containerID": f"containerd://{made['metadata']['uid']}", "ready": True,
                 "restartCount": 0, "image": "simulated", "imageID": "",
                 "state": {"running": {"startedAt": made["metadata"]["creationTimestamp"]}}}  # fmt: skip
    ready = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Running", "conditions": ready, "containerStatuses": [container]}
    sessions.merge(f"{path}/status", {"status": status})
    return path


class Target:
    """The process that stands for every container: with namespaces of its own, without rights."""

    def __init__(self):
        argv = ["unshare", "--net", "--ipc", "--uts", "--pid", "--mount", "--fork", "setpriv", "--pdeathsig=KILL",
                "--reuid=1000", "--regid=1000", "--clear-groups", "--bounding-set=-all",
                "sleep", "infinity"]  # fmt: skip
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        children = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children")
        self.pid = int(host.wait_for(lambda: children.read_text().split(), "a process for a target")[0])

    def end(self):
        self.child.kill()
        self.child.wait()


class Churn:
    """Pods that come, are ready, and go, one after the other over all nodes."""

    def __init__(self, sessions, nodes, changes_per_second):
        self.sessions, self.nodes, self.rate = sessions, nodes, changes_per_second / CHANGES_A_POD
        self.is_over, self.count, self.failures = threading.Event(), 0, 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        began, living = time.monotonic(), []
        while not self.is_over.wait(max(began + self.count / self.rate - time.monotonic(), 0)):
            node = self.nodes[self.count * 7919 % len(self.nodes)]
            self.count += 1
            try:
                living.append(run_pod(self.sessions, f"churn-{self.count}", node, {"app": "b"}))
                if len(living) > 20 * self.rate:  # each lives for 20 s
                    self.sessions.request("DELETE", living.pop(0))
            except (http.client.HTTPException, OSError):  # a server that is too busy for a minute
                self.failures += 1

    def end(self):
        self.is_over.set()
        self.thread.join(60)


class Fleet:
    def __init__(self, cluster, sessions, work, count):
        self.cluster, self.sessions, self.folder = cluster, sessions, work / "nodes"
        self.folder.mkdir()
        self.nodes = [f"n{number:05}" for number in range(count)]
        self.programs = Path(find_recap()).parent
        self.recap = Recap(work, {})
        root = lab.lean_root(work / "pause")
        self.image = self.recap.import_image(lab.image("simulated", root, work, Entrypoint=["/pause"]))
        self.target, self.simulators, self.controller = Target(), [], None
        self.controller_starts, self.is_over = 0, threading.Event()

    def populate(self):
        """Nodes, two pods on each, the Caplet's own pod there and the token that is bound to it."""
        sessions = self.sessions
        sessions.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        sessions.create({"apiVersion": "v1", "kind": "ServiceAccount",
                         "metadata": {"name": "default", "namespace": SPACE}})  # fmt: skip
        sessions.create({"apiVersion": API, "kind": "CapsulePolicy", "metadata": {"name": "fleet"},
                         "spec": {"namespaceSelector": {}, "images": ["*"]}})  # fmt: skip
        sessions.each(self._add, enumerate(self.nodes))

    def _add(self, numbered):
        number, node = numbered
        self.sessions.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        for app in "ab":
            run_pod(self.sessions, f"{node}-{app}", node, {"app": app, "node": node})
        caplet = self.sessions.create(pod(f"caplet-{node}", node, {}, "recap-system", "caplet"))
        bound = {"apiVersion": "v1", "kind": "Pod", **{key: caplet["metadata"][key] for key in ("name", "uid")}}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                   "spec": {"expirationSeconds": 14400, "boundObjectRef": bound}}  # fmt: skip
        path = "/api/v1/namespaces/recap-system/serviceaccounts/caplet/token"
        self._write_files(number, node, self.sessions.request("POST", path, request)["status"]["token"])

    def _write_files(self, number, node, token):
        home = self.folder / node
        (home / "data").mkdir(parents=True)
        for path in (home, home / "data"):
            path.chmod(0o700)
        # What is known of the image; no run looks into its layers.
        unread = shutil.ignore_patterns("layers", "blobs")
        shutil.copytree(self.recap.data / "store", home / "data/store", ignore=unread)
        (home / "token").write_text(token)
        server = self.cluster.servers[number * len(self.cluster.servers) // len(self.nodes)]
        (home / "kubeconfig").write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: fleet\n"
            f"clusters: [{{name: fleet, cluster: {{server: '{server}', "
            f"certificate-authority: '{self.cluster.pki.path('ca.crt')}'}}}}]\n"
            "users: [{name: caplet, user: {tokenFile: token}}]\n"
            "contexts: [{name: fleet, context: {cluster: fleet, user: caplet}}]\n"
        )


    def start_controller(self):
        token = self.cluster.token("recap-system", "recap-controller")
        config = self.cluster.pki.kubeconfig("recap-controller", self.cluster.server, token)
        words = ["--namespace", "recap-system", "--kubeconfig", config, "--listen", ""]
        argv, is_first = [self.programs / "recap-controller", *words], threading.Event()

        def keep():  # one that loses its Lease ends, and the kubelet starts it again
            while not self.is_over.is_set():
                self.controller = host.Daemon(argv, self.folder / "controller.log")
                self.controller_starts += 1
                is_first.set()
                self.controller.child.wait()
                self.is_over.wait(1)

        threading.Thread(target=keep, daemon=True).start()
        is_first.wait()

    def start(self):
        """Starts the Caplets, as fast as a rollout would, and waits until each has said its word."""
        program = self.programs.parent / "caplet/caplet-simulator"
        for first in range(0, len(self.nodes), NODES_A_PROCESS):
            log = (self.folder / f"log{len(self.simulators)}").open("wb")
            self.simulators.append(subprocess.Popen(
                [program, self.folder, self.cluster.kubeconfig, str(self.target.pid)], stdin=subprocess.PIPE,
                stdout=log, stderr=log))  # fmt: skip
            for name in self.nodes[first : first + NODES_A_PROCESS]:
                self.simulators[-1].stdin.write(f"{name}\n".encode())
                self.simulators[-1].stdin.flush()
                time.sleep(1 / STARTS_A_SECOND)
        host.wait_for(lambda: len(self.told()) == len(self.nodes), "first status of every node", 600)

    def told(self):
        """The CapsuleNodes that have a status."""
        items = self.sessions.request("GET", f"/apis/{API}/capsulenodes?resourceVersion=0")["items"]
        time.sleep(1)
        return [item for item in items if item.get("status")]

    def check(self):
        """The simulators live."""
        for simulator, log in zip(self.simulators, self.logs(), strict=True):
            if simulator.poll() is not None:
                raise host.Failed(f"a simulator ended with {simulator.returncode}: {log.read_text()[-1000:]}")

    def logs(self):
        return sorted(self.folder.glob("log*"))

    def end(self):
        self.is_over.set()
        for simulator in self.simulators:
            simulator.stdin.close()
        for simulator in self.simulators:
            try:
                simulator.wait(60)
            except subprocess.TimeoutExpired:
                simulator.kill()
                simulator.wait()
        if self.controller:
            self.controller.stop()
        self.target.end()
        self.recap.clean()
