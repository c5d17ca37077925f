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
from .served import Costs, lease_writes, reads, rejected, unix, writes, written
from .sessions import Sessions

from cluster.lab import BINARIES, install  # noqa: E402  (world.py has put tests/ on the path)
from testlib import host  # noqa: E402
from testlib.caplet import capsule  # noqa: E402
from testlib.kube import Cluster  # noqa: E402

QUICK = {"nodes": 20, "minutes": 0.1, "churn": 4, "baseline": 1, "settle": 1, "schedule": "@every 5s", "applies": 1,
         "runs": 3, "noise": 3}  # fmt: skip
POLICIES = 20
HERDS = 4  # an hour: so many minutes at which policies of the whole fleet are due
FAILING = "1"  # percent
STARTED = re.compile(r'"a run has started".*"Capsule/fleet/(policy-\d+)@.*"pod/fleet/(n\d+)-[ab]/main@')


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
        "spec": {"podName": f"{node}-a", "image": fleet.image, "command": ["simulate", "0", "0"],
                 "requestedBy": "admin", "requestedByGroups": ["system:masters"]}})  # fmt: skip
    ended = host.wait_for(lambda: phase_of(fleet.sessions.request("GET", path)), f"end of run-{number} on {node}", 120)
    took = (time.monotonic() - began) * 1000
    if ended != "Succeeded":
        raise host.Failed(f"run-{number} on {node}: {fleet.sessions.request('GET', path)['status']}")
    return took


def phase_of(run):
    phase = run.get("status", {}).get("phase")
    return phase if phase in ("Succeeded", "Failed") else None


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
        costs, began, pods = Costs(cluster, fleet), time.time(), churn.count
        before, leases = reads(cluster), lease_writes(cluster)
        time.sleep(options.minutes * 60)
        until = time.time()
        fleet.check()
        found |= {"cores": costs.cores(), "rss_mib": costs.rss_mib(), "minutes": options.minutes,
                  **written(cluster, fleet, began, until), **sizes(fleet)}  # fmt: skip
        asked = (reads(cluster) - before) / (until - began)
        leases = (lease_writes(cluster) - leases) / (until - began)
        found["writes_per_s"] = round(found["writes_per_s"] + leases, 2)
        found["writes_per_s_by_kind"]["leases"] = round(leases, 3)
        found |= {"requests_per_s": round(asked + found["writes_per_s"], 1),
                  "pod_changes_per_s": round((churn.count - pods) * 2 / (until - began), 1),
                  "pod_changes_failed": churn.failures}  # fmt: skip
        say(f"bench: so far: {json.dumps(found)}")
        if not options.schedule:
            away_from_herds(300)
        say("bench: from apply to start …")
        found |= latencies(fleet, options, say)
        return {**found, **policies_run(fleet), "requests_rejected": round(rejected(cluster)),
                "controller_starts": fleet.controller_starts,
                "load_average": os.getloadavg()[0]}  # fmt: skip
    finally:
        if churn:
            churn.end()
        fleet.end()


def measure(options, say):
    """The numbers that the budgets are about, by name."""
    servers = options.apiservers or 1 + (options.nodes - 1) // NODES_A_SERVER
    with tempfile.TemporaryDirectory(dir="/run", prefix="recap-bench-") as folder, Cluster(BINARIES) as cluster:
        cluster.start_control_plane(components=(), apiservers=servers)
        return measure_on(cluster, options, Path(folder), say)


BUDGETS = (("writes_per_s", 20.0), ("requests_rejected", 0))


def budget_lines(found):
    """(text, kept) of each budget."""
    return [(f"{name}: {found[name]:g} (budget ≤ {limit:g})", found[name] <= limit) for name, limit in BUDGETS]
