# SPDX-License-Identifier: Apache-2.0
"""The comparison as people read it: the printed tables, and docs/evaluation.md."""

from dataclasses import dataclass

from .measure import p50
from .results import PROCESSES, RUNTIMES

@dataclass(frozen=True)
class Budget:
    """A ratio of DESIGN's table: the goal, and the guard that no change may fall behind, also on a busy machine."""

    ratio: str
    text: str
    relation: str  # "≤" or "≥"
    goal: float
    guard: float | None = None

    def kept(self, value, limit):
        return value <= limit if self.relation == "≤" else value >= limit


BUDGETS = (
    Budget("attach_vs_nsenter", "attach latency, by pid, to nsenter's", "≤", 1.5, 3.0),
    Budget("total_vs_nsenter", "turn-around, by pid, to nsenter's", "≤", 2.0, 3.5),
    Budget("docker_exec_vs_recap", "docker exec's turn-around to ours, by name", "≥", 20.0, 8.0),
    Budget("p99_vs_p50", "our p99 to our p50, turn-around", "≤", 3.0),  # others' load decides it
    Budget("mounts_attach_recap_pid", "attach latency with 1,000 more mounts to without", "≤", 1.1, 1.4),
    Budget("mounts_total_recap_pid", "turn-around with 1,000 more mounts to without", "≤", 1.1, 1.4),
)
SLOW = {
    "image_rebuild": "application image rebuilt with docker, redeployed, tool run in it",
    "capsule_build": "Capsule image built (buildah), imported, first Run",
}


def _cells(row):
    attach = [f"{row['attach_p50']:.2f}", f"{row['attach_p99']:.2f}"] if "attach_p50" in row else ["–", "–"]
    return [*attach, f"{row['total_p50']:.2f}", f"{row['total_p99']:.2f}", str(row["n"])]


def _markdown(head, lines):
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(line)} |" for line in lines)]


def _group_table(rows, titles):
    head = ["", "attach p50", "p99", "turn-around p50", "p99", "n"]
    return _markdown(head, [[titles[name], *_cells(row)] for name, row in rows.items()])


def budget_lines(ratios):
    """(text, kept) of each budget that was measured."""
    lines = []
    for budget in BUDGETS:
        if (value := ratios.get(budget.ratio)) is not None:
            text = f"{budget.text}: {value:.2f} (budget {budget.relation} {budget.goal:g})"
            lines.append((text, budget.kept(value, budget.goal)))
    return lines


def guards(ratios):
    """(text, kept) of each guard that was measured."""
    return [
        (f"{budget.text}: {ratios[budget.ratio]:.2f} (guard {budget.relation} {budget.guard:g})",
         budget.kept(ratios[budget.ratio], budget.guard))
        for budget in BUDGETS if budget.guard is not None and budget.ratio in ratios
    ]  # fmt: skip


def printed(groups, slow, crowded, summary, titles):
    lines = [
        "milliseconds from before the spawn; attach: until the probe's first instruction,",
        "turn-around: until the caller was waited for",
    ]
    for group, rows in groups.items():
        lines += ["", f"{group}, shuffled in every round"]
        lines += _plain(rows, titles)
    for state, rows in crowded.items():
        lines += ["", f"{state} the extra mounts, in alternating blocks"]
        lines += _plain(rows, titles)
    lines += [""]
    lines += [f"{SLOW[name]}: p50 {p50(times) / 1000:.2f} s (n = {len(times)})" for name, times in slow.items()]
    lines += ["", "ratios"] + [f"  {name:36} {value:8.2f}" for name, value in summary["ratios"].items()]
    lines += [""]
    lines += [f"  {'kept  ' if kept else 'MISSED'} {text}" for text, kept in budget_lines(summary["ratios"])]
    return "\n".join(lines)


def _plain(rows, titles):
    head = f"  {'':44}{'attach p50':>11}{'p99':>9}{'total p50':>11}{'p99':>9}{'n':>6}"
    return [head] + [
        f"  {titles[name]:44}{cells[0]:>11}{cells[1]:>9}{cells[2]:>11}{cells[3]:>9}{cells[4]:>6}"
        for name, cells in ((name, _cells(row)) for name, row in rows.items())
    ]


def _paper_table(groups, slow):
    rows = groups[RUNTIMES]
    ours, docker = (rows[name]["total_p50"] for name in ("recap_name", "docker_exec"))
    rebuilt, built = (p50(slow[name]) / 1000 for name in ("image_rebuild", "capsule_build"))
    return _markdown(
        ["scenario", "the paper", "here, p50"],
        [
            ["1. the tool is in the application's image: `docker exec`", "83 ms", f"{docker:.1f} ms"],
            ["2. it is not: the image is rebuilt with it and redeployed", "5.6 s", f"{rebuilt:.2f} s"],
            ["3. **RECap: Run, function, Escape**", "243 ms", f"**{ours:.2f} ms**"],
            ["4. RECap, when the Capsule image must be built first", "6.2 s more", f"{built:.2f} s, all in all"],
        ],
    )


METHOD = """\
A small static launcher stamps `CLOCK_MONOTONIC`, spawns the command, waits for it and stamps again: *turn-around*
(the paper's f_latency). The tool is always the same static probe without a C library: it writes the clock that it
reads with its first instruction; from the first stamp to that is the *attach latency*. Every round runs every row of
a table once, in a new random order; the first 5 rounds do not count. Both sides of a ratio come from the same rounds.
RECap runs with everything on: net, pid, ipc and uts shared with the target, one capability granted, own cgroups with
limits, own user id, overlay with a fresh writable layer, seccomp, ledger, record and the verified Escape, which is
over before the caller returns; its state is on tmpfs, its records and layers on ext4. The image has been imported
before, as the others' images have. The target is a container with one idle process under a private dockerd. Rows 2
and 4 of Table 1 start from a warm Debian base and prefetched packages (tcpdump), so no network is in them; the
builder's cache is off.

`bench/run f_latency` makes this page.
"""


def _budgets(ratios):
    lines = [f"- {'kept' if kept else '**missed**'}: {text}" for text, kept in budget_lines(ratios)]
    return [
        *lines,
        "",
        "With the cost of spawning `true` taken off both sides: attach "
        f"{ratios['attach_vs_nsenter_less_spawn']:.2f} ×, turn-around "
        f"{ratios['total_vs_nsenter_less_spawn']:.2f} × nsenter's; "
        f"docker exec {ratios['docker_exec_vs_recap_less_spawn']:.1f} × ours.",
    ]


def _machine(host):
    virtual = " (virtual machine)" if host["virtual"] else ""
    programs = "; ".join(host[name] for name in ("docker", "runc", "nsenter", "buildah"))
    return (
        f"{host['cpus']} × {host['cpu']}{virtual}, {host['memory_gib']} GiB; Linux {host['kernel']}, "
        f"cgroups {host['cgroups']}, {host['mounts']} mounts; {programs}. "
        f"Others used the CPUs at the start of {host['busy_rounds']:.0%} of the rounds."
    )


def rest_of(page):
    """What follows the benchmark: the section that ./test catalog writes, and those by hand; a new page keeps them."""
    _, found, sections = page.partition("\n## Correctness\n")
    return found + sections


def evaluation(groups, slow, crowded, summary, titles):
    """docs/evaluation.md"""
    lines = ["# Evaluation: f_latency", "", "The paper's Table 1 (HotCloud '18), its figures beside ours.", ""]
    lines += [*_paper_table(groups, slow), "", "## Side by side", "", "Milliseconds.", ""]
    captions = {PROCESSES: "Rows without a daemon behind them", RUNTIMES: "Beside the runtimes' own ways"}
    for group, caption in captions.items():
        lines += [f"{caption}:", "", *_group_table(groups[group], titles), ""]
    if crowded:
        lines += ["## A host with 1,000 more mounts", "", "Blocks of rounds with and without them alternate.", ""]
        for state, rows in crowded.items():
            lines += [f"{state.capitalize()} them:", "", *_group_table(rows, titles), ""]
    lines += ["## Budgets", "", *_budgets(summary["ratios"]), "", "## Method", "", METHOD]
    lines += ["## Machine", "", _machine(summary["host"])]
    return "\n".join(lines) + "\n"
