# SPDX-License-Identifier: Apache-2.0
"""From series of times to the numbers that the budgets are written in."""

from .measure import p50, p99

# Rows that both groups have are told apart by their group: each ratio's two sides come from the same rounds.
PROCESSES, RUNTIMES = "processes", "runtimes"


def table(series):
    """{row: {n, attach and total at p50 and p99, in ms}}"""
    rows = {}
    for name, row in series.items():
        rows[name] = {"n": len(row.total), "total_p50": p50(row.total), "total_p99": p99(row.total)}
        if row.attach:
            rows[name] |= {"attach_p50": p50(row.attach), "attach_p99": p99(row.attach)}
    return rows


def _net(rows, ours, theirs, what):
    """The ratio after what spawning any process costs is taken off both sides."""
    base = rows["true"]["total_p50"]
    return (rows[ours][what] - base) / (rows[theirs][what] - base)


def ratios(groups, slow, crowded):
    """Everything the budgets speak of; what was not measured is not there."""
    out = {}
    if rows := groups.get(PROCESSES):
        for name, prefix in (("recap_pid", ""), ("recap_name", "name_")):
            for what in ("attach", "total"):
                key = f"{what}_p50"
                out[f"{prefix}{what}_vs_nsenter"] = rows[name][key] / rows["nsenter"][key]
                out[f"{prefix}{what}_vs_nsenter_less_spawn"] = _net(rows, name, "nsenter", key)
        out["p99_vs_p50"] = rows["recap_pid"]["total_p99"] / rows["recap_pid"]["total_p50"]
        out["attach_p99_vs_p50"] = rows["recap_pid"]["attach_p99"] / rows["recap_pid"]["attach_p50"]
    if rows := groups.get(RUNTIMES):
        for name in ("runc_exec", "docker_exec", "docker_run"):
            out[f"{name}_vs_recap"] = rows[name]["total_p50"] / rows["recap_name"]["total_p50"]
            out[f"{name}_vs_recap_less_spawn"] = _net(rows, name, "recap_name", "total_p50")
        for name, times in slow.items():
            out[f"{name}_vs_recap"] = p50(times) / rows["recap_name"]["total_p50"]
    if crowded:
        for name in ("recap_pid", "nsenter"):
            for what in ("attach_p50", "total_p50"):
                key = f"mounts_{what[:-4]}_{name}"
                out[key] = crowded["with"][name][what] / crowded["without"][name][what]
    return {name: round(value, 3) for name, value in out.items()}


def summary(groups, slow, crowded, host):
    """What is written as JSON."""
    every = {f"{group}.{name}": row for group, rows in groups.items() for name, row in rows.items()}
    every |= {f"mounts_{state}.{name}": row for state, rows in crowded.items() for name, row in rows.items()}
    flat = {"p50_ms": {}, "p99_ms": {}}
    for name, row in every.items():
        for share in ("p50", "p99"):
            for what in ("attach", "total"):
                if f"{what}_{share}" in row:
                    flat[f"{share}_ms"][f"{name}.{what}"] = round(row[f"{what}_{share}"], 3)
    for name, times in slow.items():
        flat["p50_ms"][f"{name}.total"] = round(p50(times), 1)
    n = min((row["n"] for row in every.values()), default=0)
    return {"ratios": ratios(groups, slow, crowded), **flat, "n": n, "host": host}
