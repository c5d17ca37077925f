# SPDX-License-Identifier: Apache-2.0
"""Runs as the root of a target: sends a signal to every process but the first and itself."""

import os
import sys

for entry in os.listdir("/proc"):
    if entry.isdigit() and int(entry) not in (1, os.getpid()):
        try:
            os.kill(int(entry), int(sys.argv[1]))
        except OSError:
            pass
