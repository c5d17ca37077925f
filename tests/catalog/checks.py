# SPDX-License-Identifier: Apache-2.0
"""Where the checks are registered: one for each function, what people use it for."""

from dataclasses import dataclass
from typing import Callable


@dataclass
class Check:
    target: str  # the fixture that it is attached to
    run: Callable  # run(function, target): asserts


CHECKS = {}


def check(name, target="web"):
    def register(run):
        assert name not in CHECKS, f"two checks of {name}"
        CHECKS[name] = Check(target, run)
        return run

    return register


def output(done):
    """The whole stdout of a function that succeeded."""
    assert done.returncode == 0, done
    return done.stdout.decode()
