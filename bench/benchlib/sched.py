# SPDX-License-Identifier: Apache-2.0
"""Where a run's time goes on a machine that is not quiet, by the scheduler's own events (perf).

Each moment of a run is put under one heading: one of its processes is on a CPU (cpu); none is, but one
could be and waits for a CPU that somebody else has (others: not RECap's); or all of them sleep (asleep:
RCU grace periods, I/O)."""

import bisect
import re
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .measure import checked
from .world import program

KINDS = ("switch", "wakeup", "wakeup_new", "process_fork", "process_exit", "process_exec")
LINE = re.compile(r"^\s*.+?\s+(\d+)\s+\[(\d+)\]\s+(\d+\.\d+):\s+sched:sched_(\w+):\s+(.*)$")
SWITCH = re.compile(r"prev_comm=(.+) prev_pid=(\d+) .*prev_state=(\S+) ==> next_comm=(.+) next_pid=(\d+)")
FORK = re.compile(r"child_comm=.+ child_pid=(\d+)")
EXEC = re.compile(r"filename=(?:\S*/)?(\S+)")
PID = re.compile(r"(?:^| )pid=(\d+)")


@dataclass
class Story:
    """The processes that descend from `root`, as events pass by."""

    root: int
    state: dict = field(default_factory=dict)  # pid: "cpu", "ready", "asleep"
    names: dict = field(default_factory=dict)
    running: dict = field(default_factory=dict)  # CPU: pid
    spent: Counter = field(default_factory=Counter)
    by_name: Counter = field(default_factory=Counter)

    def now(self):
        states = self.state.values()
        return "cpu" if "cpu" in states else "others" if "ready" in states else "asleep"

    def account(self, seconds):
        self.spent[self.now()] += seconds
        for pid, state in self.state.items():
            if state == "cpu":
                self.by_name[self.names.get(pid, "?")] += seconds

    def see(self, pid, cpu, kind, text):
        # Events of exiting tasks get lost: who is seen on a CPU has replaced whoever was there.
        before = self.running.get(cpu)
        if before != pid and self.state.get(before) == "cpu":
            self.state[before] = "ready"
        self.running[cpu] = pid
        if pid in self.state and kind != "switch":
            self.state[pid] = "cpu"
        if kind == "process_fork" and (pid in self.state or pid == self.root):
            child = int(FORK.search(text)[1])
            self.state[child], self.names[child] = "ready", self.names.get(pid, "spawn")
        elif kind == "process_exec" and pid in self.state:
            self.names[pid] = EXEC.search(text)[1]
        elif kind.startswith("wakeup"):
            woken = int(PID.search(text)[1])
            if self.state.get(woken) == "asleep":
                self.state[woken] = "ready"
        elif kind == "process_exit":
            self.state.pop(pid, None)
        elif kind == "switch":
            self._switch(cpu, text)

    def _switch(self, cpu, text):
        left, left_pid, left_state, entered, entered_pid = SWITCH.search(text).groups()
        if int(left_pid) in self.state:
            self.names[int(left_pid)] = left
            self.state[int(left_pid)] = "ready" if left_state.startswith("R") else "asleep"
        if int(entered_pid) in self.state:
            self.names[int(entered_pid)] = entered
            self.state[int(entered_pid)] = "cpu"
        self.running[cpu] = int(entered_pid)


def _read(path):
    fields = "comm,tid,cpu,time,event,trace"
    script = [program("perf"), "script", "-i", path, "--ns", "-F", fields]
    text = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    found = (LINE.match(line) for line in text.splitlines())
    return sorted((float(m[3]), int(m[1]), int(m[2]), m[4], m[5]) for m in found if m)


def _tell(events, root, sample):
    """(whole run, until the probe began), each a Counter of seconds, and CPU time by process name."""
    start, end, probe = sample.start / 1e9, sample.end / 1e9, int(sample.out) / 1e9
    story, attached, last = Story(root), None, start
    first = bisect.bisect(events, (start,))
    for when, pid, cpu, kind, text in events[first : bisect.bisect(events, (end,))]:
        story.account(when - last)
        last = when
        if attached is None and when >= probe:
            attached = Counter(story.spent)
        story.see(pid, cpu, kind, text)
    return story.spent, attached or Counter(), story.by_name


def run(bench, runs):
    rows = [row for row in bench.process_rows() if row.name in ("nsenter", "recap_pid")]
    path = str(bench.work / "perf.data")
    record = [program("perf"), "record", "-q", "-a", "-k", "CLOCK_MONOTONIC", "-m", "4096", "-o", path]
    record += ["-e", ",".join(f"sched:sched_{kind}" for kind in KINDS)]
    samples = []
    with bench.launcher() as start:
        perf = subprocess.Popen(record, stderr=subprocess.DEVNULL)
        time.sleep(1)  # perf has no way to say that it has begun
        for _ in range(runs):
            samples += [(row, checked(row, start.run(row.argv))) for row in rows]
        perf.terminate()
        perf.wait()
        events = _read(path)
        for row in rows:
            _print(row, [_tell(events, start.pid, sample) for other, sample in samples if other is row])
    return 0


def _print(row, stories):
    print(f"{row.title}: ms, medians of {len(stories)} runs")
    for what, index in (("attach", 1), ("turn-around", 0)):
        line = f"  {what:12}"
        for kind in ("cpu", "asleep", "others"):
            line += f"  {kind} {statistics.median(story[index][kind] for story in stories) * 1e3:6.2f}"
        print(line)
    names = defaultdict(float)
    for story in stories:
        for name, seconds in story[2].items():
            names[name] += seconds / len(stories) * 1e3
    for name, value in sorted(names.items(), key=lambda item: -item[1]):
        print(f"    {value:7.3f} cpu of {name}")
