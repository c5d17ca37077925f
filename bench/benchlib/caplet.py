# SPDX-License-Identifier: Apache-2.0
"""A CapsuleRun from its creation to its terminal status, `kubectl recap run` beside `kubectl debug`, and what an idle
Caplet costs: on a real cluster of one node with real pods, with RECap's programs and rights as deploy/ gives them."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .measure import p50, p99
from .world import find_recap

from cluster.lab import BINARIES, install  # noqa: E402  (world.py has put tests/ on the path)
from testlib import host, lab  # noqa: E402
from testlib.caplet import capsule  # noqa: E402
from testlib.kube import Cluster  # noqa: E402
from testlib.recap import Recap  # noqa: E402

RUNS = "/apis/recap.dev/v1alpha1/namespaces/default/capsuleruns"
CAPSULES = "/apis/recap.dev/v1alpha1/namespaces/default/capsules"
SYSTEM = 3  # pods of a Caplet's identity and of the comparison, which count among the node's
SHELL = ["/bin/sh", "-c", "true"]


class Ends:
    """When each CapsuleRun ended, as a watch tells it."""

    def __init__(self, cluster):
        self.seen, self.told = {}, threading.Condition()
        argv = [cluster.program("kubectl"), "--kubeconfig", cluster.kubeconfig, "get", "--raw", f"{RUNS}?watch=1"]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        self.child.terminate()
        self.child.wait(10)

    def _read(self):
        for line in self.child.stdout:
            run = json.loads(line)["object"]
            if run.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                with self.told:
                    self.seen.setdefault(run["metadata"]["name"], (time.monotonic(), run["status"]))
                    self.told.notify_all()

    def wait(self, name):
        with self.told:
            assert self.told.wait_for(lambda: name in self.seen, 60), f"{name} has not ended in a minute"
            return self.seen[name]


class Daemons:
    """The Caplet and recap-controller."""

    def __init__(self, cluster, work, recap, pause):
        node, folder = cluster.nodes[0], Path(recap).parent
        self.recap, self.children = Recap(work, node.variables), []
        pod = cluster.run_pod("caplet", pause, "recap-system", nodeName=node.name, serviceAccountName="caplet")
        for program, account, bound, words in (
            ("caplet", "caplet", pod, ["--node-name", node.name]),
            ("recap-controller", "recap-controller", None, ["--namespace", "recap-system"]),
        ):
            token = cluster.token("recap-system", account, bound)
            config = cluster.pki.kubeconfig(program, cluster.server, token)
            log = (work / f"{program}.log").open("wb")
            argv = [folder / program, *words, "--kubeconfig", config, "--listen", ""]
            self.children.append(subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=log, env=self.recap.env))  # fmt: skip

    def end(self):
        for child in self.children:
            child.send_signal(signal.SIGTERM)
        for child in self.children:
            child.wait(30)
        self.recap.clean()


def cost(pid, seconds):
    """(resident MiB, percent of one CPU) of a process over a while."""
    def ticks():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    before, began = ticks(), time.monotonic()
    time.sleep(seconds)
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    rss = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(rss.split()[1]) / 1024, used * 100


def phase(cluster, pod):
    return cluster.admin.get(f"/api/v1/namespaces/default/pods/{pod}").body.get("status", {}).get("phase")


def fill(cluster, pause, pods, capsules, tools):
    """Pods to be looked at, and Capsules that match them all and have nothing to do."""
    for number in range(pods):
        cluster.run_pod(f"idle-{number}", pause, wait=False, labels={"app": "idle"})
    for number in range(pods):
        host.wait_for(lambda: phase(cluster, f"idle-{number}") == "Running", f"pod idle-{number}", timeout=600)
    for number in range(capsules):
        execution = ({"type": "OnDemand"} if number % 2 else
                     {"type": "Periodic", "periodic": {"schedule": "0 3 1 1 *"}})  # fmt: skip
        item = capsule(f"idle-{number}", tools, execution, {"matchLabels": {"app": "idle"}})
        item["metadata"]["namespace"] = "default"
        made = cluster.admin.create(item)
        assert made.ok, made.message


def once(cluster, ends, name, tools):
    """Milliseconds from before the request that creates a CapsuleRun until its end is told."""
    asked = {"requestedBy": "admin", "requestedByGroups": ["system:masters"]}
    began = time.monotonic()
    made = cluster.admin.create({
        "apiVersion": "recap.dev/v1alpha1", "kind": "CapsuleRun", "metadata": {"name": name, "namespace": "default"},
        "spec": {"podName": "web", "image": tools, "command": SHELL, **asked}})  # fmt: skip
    assert made.ok, made.message
    ended, status = ends.wait(name)
    assert status["phase"] == "Succeeded", status
    return (ended - began) * 1000


def timed(argv, env):
    began = time.monotonic()
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, env=env,
                          timeout=120)  # fmt: skip
    assert done.returncode == 0, (argv, done)
    return (time.monotonic() - began) * 1000


def side_by_side(cluster, ends, recap, tools, debug_image, rounds):
    kubectl = cluster.program("kubectl")
    env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(cluster.work),
           "PATH": f"{Path(recap).parent}:{os.environ['PATH']}"}  # fmt: skip
    ours = [kubectl, "recap", "run", "--rm", "--entrypoint", SHELL[0], tools, "web", "--", *SHELL[1:]]
    exec_ = [kubectl, "exec", "debugged", "--", "/probe", "exists", "/probe"]
    debug = [kubectl, "debug", "-i", "--quiet", "--target=main", "--image-pull-policy=Never", f"--image={debug_image}",
             "debugged", "--", *SHELL]  # fmt: skip
    series = {"run": [], "kubectl_run": [], "kubectl_exec": [], "kubectl_debug": []}
    for number in range(-2, rounds):  # the first two do not count
        found = {"run": once(cluster, ends, f"bench-{number + 2}", tools), "kubectl_run": timed(ours, env),
                 "kubectl_exec": timed(exec_, env), "kubectl_debug": timed(debug, env)}  # fmt: skip
        if number >= 0:
            for name, value in found.items():
                series[name].append(value)
    return series


def measure(options, say):
    """The numbers that the budgets are about, by name."""
    recap = find_recap()
    # Below /run, as the sockets' paths may not be long.
    with tempfile.TemporaryDirectory(dir="/run", prefix="recap-bench-") as folder, \
            Cluster(BINARIES).start(nodes=1) as cluster:  # fmt: skip
        work = Path(folder)
        install(cluster)
        pause_root, tools_root = lab.lean_root(work / "pause"), lab.toolbox_root(work / "tools")
        pause = cluster.import_image(lab.image("bench-pause", pause_root, work, Entrypoint=["/pause"]))
        image = lab.image("bench-tools", tools_root, work, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"])
        debug_image = cluster.import_image(image)
        for name in ("web", "debugged"):
            cluster.run_pod(name, pause)
        daemons = Daemons(cluster, work, recap, pause)
        try:
            tools = daemons.recap.import_image(image)
            host.wait_for(lambda: cluster.admin.get("/apis/recap.dev/v1alpha1/capsulenodes/node1").ok,
                          "the Caplet's first word", timeout=60)
            say(f"bench: {options.runs} rounds of a CapsuleRun, kubectl recap run, kubectl exec, kubectl debug …")
            with contextlib.closing(Ends(cluster)) as ends:
                series = side_by_side(cluster, ends, recap, tools, debug_image, options.runs)
            say(f"bench: {options.pods} pods and {options.capsules} Capsules, idle for {options.idle} s …")
            fill(cluster, pause, max(options.pods - SYSTEM, 0), options.capsules, tools)
            time.sleep(options.settle)
            rss, cpu = cost(daemons.children[0].pid, options.idle)
        finally:
            daemons.end()
    found = {f"{name}_{share.__name__}_ms": round(share(row), 1) for name, row in series.items()
             for share in (p50, p99)}  # fmt: skip
    found["kubectl_debug_vs_recap"] = round(p50(series["kubectl_debug"]) / p50(series["kubectl_run"]), 2)
    return {**found, "idle_rss_mib": round(rss, 1), "idle_cpu_percent": round(cpu, 3), "n": options.runs,
            "pods": options.pods, "capsules": options.capsules}  # fmt: skip


BUDGETS = (("run_p50_ms", 150.0), ("idle_rss_mib", 20.0), ("idle_cpu_percent", 0.1))


def budget_lines(found):
    """(text, kept) of each budget."""
    return [(f"{name}: {found[name]:g} (budget ≤ {limit:g})", found[name] <= limit) for name, limit in BUDGETS]
