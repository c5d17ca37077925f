# SPDX-License-Identifier: Apache-2.0
"""What every tier's tests share: where to import from, and that a skip is never silent."""

import os
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

MUST_RUN = bool(os.environ.get("RECAP_TESTS_MUST_RUN"))
SOAK = bool(os.environ.get("RECAP_SOAK"))


def pytest_collection_modifyitems(config, items):
    """soak_only tests are no part of the gate: left out, not skipped."""
    if SOAK:
        return
    left_out = [item for item in items if item.get_closest_marker("soak_only")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if MUST_RUN and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"every test must run here, but this one was skipped: {reason}"

pytest_plugins = ["testlib.fixtures"]
