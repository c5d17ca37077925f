# SPDX-License-Identifier: Apache-2.0
"""Waiting for what happens soon, with a deadline that only a broken program reaches."""

import time


def until(condition, timeout=10, what="what was waited for"):
    """Polls until `condition()` is true; returns its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout} s"
        time.sleep(0.01)
    return value


class Stopwatch:
    def __enter__(self):
        self.started = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.started
