# SPDX-License-Identifier: Apache-2.0
"""Runs rows side by side: every round runs each row once, in a new order, so that whatever else the
machine does hits all of them alike."""

import random
import time
from dataclasses import dataclass, field

from .launcher import Failed

WARM_UP = 5


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


def side_by_side(launcher, rows, rounds, seed=1, warm_up=WARM_UP, into=None):
    """{row name: Series}; `into` continues an earlier result."""
    order, rng = list(rows), random.Random(seed)
    results = into if into is not None else {row.name: Series() for row in rows}
    for turn in range(warm_up + rounds):
        rng.shuffle(order)
        for row in order:
            sample = checked(row, launcher.run(row.argv))
            if turn >= warm_up:
                results[row.name].total.append(sample.total_ms)
                if row.stamped:
                    results[row.name].attach.append(sample.attach_ms)
            time.sleep(row.settle_s)
    return results
