# SPDX-License-Identifier: Apache-2.0
"""recap-controller in a test cluster, and the objects of one test."""

import signal

from testlib.caplet import Caplet
from testlib.waiting import until

API = "/apis/recap.dev/v1alpha1"
ASKED = {"requestedBy": "admin", "requestedByGroups": ["system:masters"], "terminationGracePeriodSeconds": 0}


class Controller(Caplet):
    """One replica of recap-controller; what a daemon has in common with a Caplet is the Caplet's."""

    def __init__(self, recap, folder, name, kubeconfig):
        super().__init__(recap, folder)
        self.program = self.program.parent / "recap-controller"
        self.words = ["--kubeconfig", kubeconfig, "--namespace", "recap-system", "--identity", name,
                      "--lease", "3s", "--hooks", "127.0.0.1:0"]  # fmt: skip

    def start(self, *flags):
        super().start(*flags)
        self.hook_port = self.wait_for("listening", 2)["port"]
        return self

    def lead(self):
        """Starts it, and waits until it leads and knows what there is."""
        self.start()
        self.wait_for("leading", timeout=30)
        until(lambda: self.get("/readyz")[0] == 200)
        return self

    def clean(self):
        if self.child is not None and self.child.poll() is None:
            self.end(signal.SIGKILL)
        self.child = None


class Space:
    """The objects of one test's namespace."""

    def __init__(self, cluster, name, image, tools):
        self.cluster, self.name, self.image, self.tools = cluster, name, image, tools

    def path(self, plural, name=""):
        return f"{API}/namespaces/{self.name}/{plural}" + (f"/{name}" if name else "")

    def pods(self, *names, app="fleet"):
        for name in names:
            self.cluster.run_pod(name, self.image, self.name, wait=False, labels={"app": app})
        for name in names:
            self.cluster.wait_for_pod(name, self.name)

    def run(self, name, script="true", client=None, **spec):
        if not {"podName", "selector", "capsuleRef"} & set(spec):
            spec["selector"] = {"matchLabels": {"app": "fleet"}}
        if "capsuleRef" not in spec:
            spec = {"image": self.tools, "command": ["/bin/sh", "-c", script], **spec}
        answer = (client or self.cluster.admin).create({
            "apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun",
            "metadata": {"name": name, "namespace": self.name}, "spec": {**ASKED, **spec}})  # fmt: skip
        assert answer.ok, answer.message
        return name

    def capsule(self, name, execution, script="true", app="fleet", **spec):
        answer = self.cluster.admin.create({
            "apiVersion": "recap.dev/v1alpha1", "kind": "Capsule", "metadata": {"name": name, "namespace": self.name},
            "spec": {"selector": {"matchLabels": {"app": app}}, "image": self.tools,
                     "command": ["/bin/sh", "-c", script], "execution": execution, **spec}})  # fmt: skip
        assert answer.ok, answer.message
        return answer.body

    def all(self):
        return self.cluster.admin.get(self.path("capsuleruns")).body["items"]

    def get(self, name):
        return self.cluster.admin.get(self.path("capsuleruns", name)).body

    def status(self, name):
        return self.get(name).get("status", {})

    def parts(self, name):
        query = f"?labelSelector=recap.dev/run={name}"
        return self.cluster.admin.get(self.path("capsuleruns") + query).body["items"]

    def ended(self, name, timeout=30):
        def over():
            status = self.status(name)
            return status if status.get("phase") in ("Succeeded", "Failed") else None
        return until(over, timeout, f"end of {name}")
