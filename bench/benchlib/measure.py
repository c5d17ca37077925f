# SPDX-License-Identifier: Apache-2.0
"""Runs rows side by side: every round runs each row once, in a new order, so that whatever else the
machine does hits all of them alike."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from .launcher import Failed

WARM_UP = 5
CALM_WAIT_S = 2.0  # for others to leave the machine alone, at most, before each round


@dataclass(frozen=True)
class Row:
    name: str  # key in the results
    title: str  # in the printed table
    argv: list
    stamped: bool = True  # the program is the probe, so there is an attach latency
    settle_s: float = 0.0  # what a daemon still does after the answer must not slow the next row


@dataclass
class Series:
    total: list = field(default_factory=list)
    attach: list = field(default_factory=list)


def percentile(values, share):
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def p50(values):
    return percentile(values, 50)


def p99(values):
    return percentile(values, 99)


def checked(row, sample):
    if sample.status != 0:
        raise Failed(
            f"{row.title}: wait status {sample.status}: {' '.join(map(str, row.argv))}\n"
            f"{sample.out.decode(errors='replace')}{sample.err.decode(errors='replace')}"
        )
    if row.stamped and not sample.out.strip().isdigit():
        raise Failed(f"{row.title}: the probe's output did not arrive: {sample.out!r}")
    return sample


def running():
    """Processes that run or could, ourselves apart."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("procs_running"):
            return int(line.split()[1]) - 1
    return 0


class Calm:
    """Lets a round wait for a moment when nobody else needs the CPUs, as long as patience lasts."""

    def __init__(self, patience_s=60.0):
        self.patience_s, self.rounds, self.busy = patience_s, 0, 0

    def wait(self):
        self.rounds += 1
        until = time.monotonic() + min(CALM_WAIT_S, self.patience_s)
        begun = time.monotonic()
        while running() > 0 and time.monotonic() < until:
            time.sleep(0.005)
        self.patience_s -= time.monotonic() - begun
        self.busy += running() > 0


def side_by_side(launcher, rows, rounds, seed=1, warm_up=WARM_UP, into=None, calm=None):
    """{row name: Series}; `into` continues an earlier result."""
    order, rng = list(rows), random.Random(seed)
    results = into if into is not None else {row.name: Series() for row in rows}
    for turn in range(warm_up + rounds):
        rng.shuffle(order)
        if calm:
            calm.wait()
        for row in order:
            sample = checked(row, launcher.run(row.argv))
            if turn >= warm_up:
                results[row.name].total.append(sample.total_ms)
                if row.stamped:
                    results[row.name].attach.append(sample.attach_ms)
            time.sleep(row.settle_s)
    return results
