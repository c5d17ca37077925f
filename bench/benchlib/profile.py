# SPDX-License-Identifier: Apache-2.0
"""Where a run's time goes, by strace: which system calls are slow, and the story of one run.

strace makes everything several times slower, cheap calls most of all; so each call is shown by the
median of its own time (-T) over many runs, and the sum is not the run's latency."""

import re
import statistics
import subprocess
from collections import defaultdict

from .launcher import Failed
from .world import program

LINE = re.compile(r"^(\d+) +(\d+\.\d+) (?:<\.\.\. (\w+) resumed>|(\w+)\()(.*?)(?: <(\d+\.\d+)>)?$")
SHOWN = 30


def _traced(bench, argv):
    log = bench.work / "strace.log"
    strace = [program("strace"), "-f", "-ttt", "-T", "-s", "40", "-o", log]
    done = subprocess.run([*strace, *argv], env=bench.env, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise Failed(f"under strace: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return log.read_text(errors="replace").splitlines()


def _calls(lines):
    """(process by order of appearance, start, name and arguments, own time in us) of finished calls."""
    order, pending = {}, {}
    for line in lines:
        match = LINE.match(line)
        if not match:
            continue
        pid, when, resumed, name, rest, took = match.groups()
        who = order.setdefault(pid, len(order))
        if resumed:
            when, name, rest = pending.pop(pid, (when, resumed, ""))
        elif took is None:
            pending[pid] = (when, name, rest.removesuffix(" <unfinished ...>"))
            continue
        yield who, float(when), f"{name}({rest}", float(took or 0) * 1e6


def _key(call):
    """A call without what differs from run to run."""
    return re.sub(r"0x[0-9a-f]+|\b\d{3,}\b|[0-9a-f]{8,}", "…", call)[:70]


def run(bench, runs):
    argv = bench.recap_argv(f"pid:{bench.target.pid}")
    times, counts = defaultdict(list), []
    for _ in range(runs):
        lines = _traced(bench, argv)
        calls = list(_calls(lines))
        counts.append(len(calls))
        for who, _, call, took in calls:
            times[who, _key(call)].append(took)
    print(f"{runs} runs, {statistics.median(counts):.0f} system calls each; the slowest by median own time")
    print("us × calls per run")
    slowest = sorted(times.items(), key=lambda item: -statistics.median(item[1]) * len(item[1]))
    for (who, call), values in slowest[:SHOWN]:
        print(f"  {statistics.median(values):8.0f} ×{len(values) / runs:5.1f}  process {who}  {call}")
    print("\none run: ms since its start, process, call, own time in us")
    begin = calls[0][1]
    for who, when, call, took in calls:
        print(f"  {(when - begin) * 1e3:8.3f} {'  ' * who}[{who}] {call[:90]} {took:.0f}")
    return 0
