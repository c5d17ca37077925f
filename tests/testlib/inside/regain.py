# SPDX-License-Identifier: Apache-2.0
"""Runs in a Capsule: prints each uid and gid that it can take."""

import os

for identity in (0, 1, 100, 65532, 2_000_000_000):
    for kind, call in (("uid", os.setuid), ("gid", os.setgid)):
        try:
            call(identity)
        except OSError:
            continue
        print(kind, identity)
