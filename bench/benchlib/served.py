# SPDX-License-Identifier: Apache-2.0
"""What the API servers of a test cluster had to do: their processes' CPU and memory, their metrics, their audit log."""

import json
import os
import re
import time
from pathlib import Path

CAPLET = "system:serviceaccount:recap-system:caplet"
CONTROLLER = "system:serviceaccount:recap-system:recap-controller"
TICK = os.sysconf("SC_CLK_TCK")
PEAK = 10  # seconds
REQUESTS = re.compile(r'^apiserver_request_total\{(.*)\} (\S+)$', re.MULTILINE)
REJECTED = re.compile(r'^apiserver_flowcontrol_rejected_requests_total\{(.*)\} (\S+)$', re.MULTILINE)
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
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # a controller that has been started again
            return 0
        return int(fields[11]) + int(fields[12])

    def cores(self):
        """Of each, since this was made."""
        took = time.monotonic() - self.began
        return {name: round(max(now - self.before[name], 0) / took, 3) for name, now in self._cpu().items()}

    def rss_mib(self):
        def of(pid):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return 0
            return int(re.search(r"VmRSS:\s+(\d+)|$", status)[1] or 0) // 1024
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


def lease_writes(cluster):
    """The controller's, and each API server's own one in ten seconds; audit logs leave them out."""
    return sum(value for labels, value in metrics(cluster, REQUESTS)
               if labels["verb"] not in READS and labels["resource"] == "leases")  # fmt: skip


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
