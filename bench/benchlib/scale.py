# SPDX-License-Identifier: Apache-2.0
"""What a fleet of Caplets is to the API server: simulated ones (bench/simulator) on a real kube-apiserver and etcd,
under the load of the design: 20 policies that run hourly, 1 % failures, 20 changes of pods a second."""

import json
import os
import random
import re
import tempfile
import time
from pathlib import Path

from .fleet import API, NODES_A_SERVER, SPACE, Churn, Fleet
from .measure import p50, p99
from .sessions import Sessions

from cluster.lab import BINARIES, install  # noqa: E402  (world.py has put tests/ on the path)
from testlib import host  # noqa: E402
from testlib.caplet import capsule  # noqa: E402
from testlib.kube import Cluster  # noqa: E402

QUICK = {"nodes": 20, "minutes": 0.2, "churn": 4, "baseline": 1, "settle": 1, "schedule": "@every 20s", "applies": 1,
         "runs": 3, "noise": 3}  # fmt: skip
POLICIES = 20
HERDS = 4  # an hour: so many minutes at which policies of the whole fleet are due
FAILING = "1"  # percent
CAPLET = "system:serviceaccount:recap-system:caplet"
CONTROLLER = "system:serviceaccount:recap-system:recap-controller"
TICK = os.sysconf("SC_CLK_TCK")
CHANGES = 20  # of pods, a second
PEAK = 10  # seconds
BASELINE = 30  # seconds
REQUESTS = re.compile(r'^apiserver_request_total\{(.*)\} (\S+)$', re.MULTILINE)
REJECTED = re.compile(r'^apiserver_flowcontrol_rejected_requests_total\{(.*)\} (\S+)$', re.MULTILINE)
STARTED = re.compile(r'"a run has started".*"Capsule/fleet/(policy-\d+)@.*"pod/fleet/(n\d+)-[ab]/main@')
LABEL = re.compile(r'(\w+)="([^"]*)"')
READS = {"GET", "LIST", "WATCH", "WATCHLIST"}


def unix(text):
    """Seconds of a time as logs have it, "2026-11-30T12:00:00.123456Z"."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(f"0.{fraction or 0}")


class Costs:
    """CPU seconds and resident MiB of processes, by what they are."""

    def __init__(self, cluster, fleet):
        self.pids = {"apiserver": [cluster.daemon(f"kube-apiserver{n or ''}").child.pid
                                   for n in range(len(cluster.servers))],
                     "etcd": [cluster.daemon("etcd").child.pid],
                     "simulator": [each.pid for each in fleet.simulators],
                     "controller": [fleet.controller.child.pid] if fleet.controller else []}  # fmt: skip
        self.began, self.before = time.monotonic(), self._cpu()

    def _cpu(self):
        return {name: sum(self._ticks(pid) for pid in pids) / TICK for name, pids in self.pids.items()}

    @staticmethod
    def _ticks(pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def cores(self):
        """Of each, since this was made."""
        took = time.monotonic() - self.began
        return {name: round((now - self.before[name]) / took, 3) for name, now in self._cpu().items()}

    def rss_mib(self):
        def of(pid):
            status = Path(f"/proc/{pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024
        return {name: sum(map(of, pids)) for name, pids in self.pids.items()}


def metrics(cluster, pattern):
    for server in cluster.servers:
        text = cluster.client(certificate="admin", server=server).get("/metrics").body
        for labels, value in pattern.findall(text):
            yield dict(LABEL.findall(labels)), float(value)


def reads(cluster):
    """How often the API servers were asked for what Caplets and the controller read."""
    return sum(value for labels, value in metrics(cluster, REQUESTS)
               if labels["verb"] in READS and (labels["group"] == "recap.dev" or labels["resource"] in
                                               ("pods", "nodes", "namespaces")))  # fmt: skip


def rejected(cluster):
    return sum(value for labels, value in metrics(cluster, REJECTED)
               if labels.get("priority_level") == "recap-caplets")  # fmt: skip


def writes(cluster, since, until):
    """Those of the Caplets and the controller, as the API server's audit log has them: (when, what, node, code)."""
    for path in cluster.work.glob("audit*.log"):
        for line in path.open():
            if CAPLET not in line and CONTROLLER not in line:
                continue
            event = json.loads(line)
            when = unix(event["requestReceivedTimestamp"])
            who = event["user"]["username"]
            if since <= when < until and who in (CAPLET, CONTROLLER):
                about = event["objectRef"]
                node = event["user"].get("extra", {}).get("authentication.kubernetes.io/node-name", [""])[0]
                what = "/".join(filter(None, (about["resource"], about.get("subresource"))))
                yield when, what, node, event["responseStatus"]["code"]


def written(cluster, fleet, since, until):
    """The window's writes in numbers."""
    kinds, nodes, slots, failed = {}, dict.fromkeys(fleet.nodes, 0), {}, 0
    for when, what, node, code in writes(cluster, since, until):
        kinds[what] = kinds.get(what, 0) + 1
        slots[int((when - since) / PEAK)] = slots.get(int((when - since) / PEAK), 0) + 1
        failed += code >= 400
        if node:
            nodes[node] += 1
    counts, took = sorted(nodes.values()), until - since
    return {"writes_per_s": round(sum(kinds.values()) / took, 2),
            "writes_per_s_by_kind": {kind: round(count / took, 3) for kind, count in sorted(kinds.items())},
            "writes_per_s_peak_10s": round(max(slots.values(), default=0) / PEAK, 1),
            "writes_refused": failed,
            "writes_of_a_node_median": counts[len(counts) // 2], "writes_of_a_node_max": counts[-1]}  # fmt: skip


def declare(fleet, schedule):
    """The design's policies: each has one target on every node."""
    for number in range(POLICIES):
        execution = {"type": "Periodic", "periodic": {"schedule": schedule(number)}}
        create(fleet, f"policy-{number:02}", execution, {"app": "ab"[number % 2]}, ["2", FAILING])


def create(fleet, name, execution, labels, words):
    item = capsule(name, fleet.image, execution, {"matchLabels": labels}, command=["simulate", *words])
    item["metadata"]["namespace"] = SPACE
    fleet.sessions.create(item)


def remove(fleet, name):
    fleet.sessions.request("DELETE", f"/apis/{API}/namespaces/{SPACE}/capsules/{name}")


class Starts:
    """When the runs of a Capsule have started, by their targets: from the Caplets' logs."""

    def __init__(self, fleet):
        self.files = [path.open() for path in fleet.logs()]
        for file in self.files:
            file.seek(0, os.SEEK_END)

    def read(self, name, count, patience):
        found, deadline = {}, time.monotonic() + patience
        while len(found) < count and time.monotonic() < deadline:
            for file in self.files:
                for line in file:
                    if '"a run has started"' in line and f'"Capsule/{SPACE}/{name}@' in line:
                        entry = json.loads(line)
                        found.setdefault(entry["target"], unix(entry["ts"]))
            time.sleep(0.05)
        for file in self.files:
            file.close()
        return found


def policies_run(fleet):
    """How many of the policies have run on the node where fewest and where most of them have."""
    ran = {node: set() for node in fleet.nodes}
    for path in fleet.logs():
        for capsule_, node in STARTED.findall(path.read_text()):
            ran[node].add(capsule_)
    counts = [len(each) for each in ran.values()]
    return {"policies_run_min": min(counts), "policies_run_max": max(counts)}


def applied(fleet, name):
    """Seconds from before a Capsule is created until it runs on each node."""
    starts, began = Starts(fleet), time.time()
    create(fleet, name, {"type": "Continuous"}, {"app": "a"}, ["36000", "0"])
    found = starts.read(name, len(fleet.nodes), 300)
    if len(found) != len(fleet.nodes):
        raise host.Failed(f"{name} has started on {len(found)} of {len(fleet.nodes)} nodes in 300 s")
    remove(fleet, name)
    return [when - began for when in found.values()]


def on_demand(fleet, number):
    """Milliseconds from before a CapsuleRun is created until its status is terminal."""
    node = random.Random(number).choice(fleet.nodes)
    path = f"/apis/{API}/namespaces/{SPACE}/capsuleruns/run-{number}"
    began = time.monotonic()
    fleet.sessions.create({
        "apiVersion": API, "kind": "CapsuleRun", "metadata": {"name": f"run-{number}", "namespace": SPACE},
        "spec": {"podName": f"{node}-a", "image": fleet.image, "command": ["simulate", "0", "0"], "requestedBy": "admin",
                 "requestedByGroups": ["system:masters"]}})  # fmt: skip
    host.wait_for(lambda: fleet.sessions.request("GET", path).get("status", {}).get("phase") == "Succeeded",
                  f"success of run-{number} on {node}", 60)  # fmt: skip
    return (time.monotonic() - began) * 1000


def latencies(fleet, options, say):
    """How soon what is declared takes effect: everywhere, and also while one node is a nuisance."""
    rounds = [applied(fleet, f"apply-{number}") for number in range(options.applies)]
    say("bench: runs on demand …")
    runs = [on_demand(fleet, number) for number in range(options.runs)]
    began = time.time()
    create(fleet, "nuisance", {"type": "Continuous", "continuous": {"backoffSeconds": 1,
                                                                          "maxBackoffSeconds": 1}},
           {"node": fleet.nodes[0], "app": "b"}, ["0", "100"])  # fmt: skip
    time.sleep(options.noise)
    beside = applied(fleet, "apply-beside")
    remove(fleet, "nuisance")
    loud = sum(node == fleet.nodes[0] for _, _, node, _ in writes(fleet.cluster, began, time.time()))
    every = [value for each in rounds for value in each]
    return {"apply_to_start_p50_s": round(p50(every), 3), "apply_to_start_p99_s": round(p99(every), 3),
            "apply_to_start_max_to_median": round(max(max(each) / p50(each) for each in rounds), 2),
            "apply_to_start_beside_nuisance_p99_s": round(p99(beside), 3),
            "nuisance_writes_per_min": round(loud / (time.time() - began) * 60, 1),
            "run_p50_ms": round(p50(runs), 1), "run_p99_ms": round(p99(runs), 1)}  # fmt: skip


def sizes(fleet):
    items = fleet.told()
    bytes_ = sorted(len(json.dumps(item, separators=(",", ":"))) for item in items)
    ages = [time.time() - unix(item["status"]["lastUpdateTime"]) for item in items]
    return {"capsulenode_bytes_p50": p50(bytes_), "capsulenode_bytes_max": bytes_[-1],
            "status_age_median_s": round(p50(ages)), "status_age_max_s": round(max(ages))}  # fmt: skip


def away_from_herds(seconds):
    """Waits until nothing is due for a while."""
    between = 3600 / HERDS
    while not 120 < time.time() % between < between - seconds:
        time.sleep(1)


def measure_on(cluster, options, work, say):
    install(cluster)
    fleet = Fleet(cluster, Sessions(cluster), work, options.nodes)
    churn = None
    try:
        say(f"bench: {options.nodes} nodes and their pods …")
        fleet.populate()
        churn = Churn(fleet.sessions, fleet.nodes, options.churn)
        alone = Costs(cluster, fleet)
        time.sleep(options.baseline)
        found = {"nodes": options.nodes, "apiservers": len(cluster.servers),
                 "cores_without_caplets": alone.cores(), "rss_mib_without_caplets": alone.rss_mib()}  # fmt: skip
        step = 60 // HERDS
        declare(fleet, lambda number: options.schedule or f"{number % HERDS * step} * * * *")
        fleet.start_controller()
        say("bench: the Caplets start …")
        rollout, began = Costs(cluster, fleet), time.time()
        fleet.start()
        found |= {"rollout_s": round(time.time() - began), "rollout_apiserver_cores": rollout.cores()["apiserver"],
                  "rollout_writes_per_s": written(cluster, fleet, began, time.time())["writes_per_s"]}  # fmt: skip
        time.sleep(options.settle)
        say(f"bench: measuring for {options.minutes:g} minutes …")
        costs, began, before, pods = Costs(cluster, fleet), time.time(), reads(cluster), churn.count
        time.sleep(options.minutes * 60)
        until = time.time()
        found |= {"cores": costs.cores(), "rss_mib": costs.rss_mib(), "minutes": options.minutes,
                  **written(cluster, fleet, began, until), **sizes(fleet), **policies_run(fleet)}  # fmt: skip
        asked = (reads(cluster) - before) / (until - began)
        found |= {"requests_per_s": round(asked + found["writes_per_s"], 1),
                  "pod_changes_per_s": round((churn.count - pods) * 2 / (until - began), 1)}  # fmt: skip
        if not options.schedule:
            away_from_herds(300)
        say("bench: from apply to start …")
        found |= latencies(fleet, options, say)
        return {**found, "requests_rejected": round(rejected(cluster)), "load_average": os.getloadavg()[0]}
    finally:
        if churn:
            churn.end()
        fleet.end()


def measure(options, say):
    """The numbers of the issue's acceptance, by name."""
    servers = options.apiservers or 1 + (options.nodes - 1) // NODES_A_SERVER
    with tempfile.TemporaryDirectory(dir="/run", prefix="recap-bench-") as folder, Cluster(BINARIES) as cluster:
        cluster.start_control_plane(components=(), apiservers=servers)
        return measure_on(cluster, options, Path(folder), say)


BUDGETS = (("writes_per_s", 20.0), ("requests_rejected", 0))


def budget_lines(found):
    """(text, kept) of each budget."""
    return [(f"{name}: {found[name]:g} (budget ≤ {limit:g})", found[name] <= limit) for name, limit in BUDGETS]
