# SPDX-License-Identifier: Apache-2.0
"""The simulation of a fleet (bench/run scale) in its shortest form: real Caplets but for their keepers, a real API
server. What a fleet of thousands costs is measured by hand: docs/evaluation.md."""

import json
import subprocess

import pytest
from cluster.lab import ROOT


@pytest.mark.soak_only
def test_a_small_fleet_is_served_and_nobody_starves(binaries, tmp_path):
    found = tmp_path / "found.json"
    done = subprocess.run([ROOT / "bench/run", "scale", "--quick", "--json", found], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(found.read_text())
    # Each node has said its word, has carried out what was declared, and has been refused nothing.
    assert told["nodes"] == 20 and told["capsulenode_bytes_max"] < 64 << 10
    assert told["policies_run_min"] == 20
    assert told["writes_refused"] == told["requests_rejected"] == 0
    # Nobody wrote to a pod; runs that succeed are no objects.
    assert set(told["writes_per_s_by_kind"]) <= {"capsulenodes/status", "events", "capsules/status",
                                                "capsulesummaries", "capsulesummaries/status", "leases"}  # fmt: skip
